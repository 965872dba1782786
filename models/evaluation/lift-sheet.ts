import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { drawContactSheet, type SheetTile } from './contact-sheet.ts'
import { type Failure, failureOf } from './lift-failures.ts'
import { eBike, type LiftModel } from './lift-model.ts'
import type { Sample } from './samples.ts'

const mostOfAKind = 20
const shownFrom = 0.1
const colors = { truth: '#34c759', told: '#ff3b30', weak: '#ff9f0a' } as const

interface Shown extends Sample {
  picture?: string | Promise<Uint8Array>
}

/**
 * Writes the worst missed and the worst false pictures to a file.
 * @returns a sentence for the notes, also when the file cannot be written
 */
export async function drawSheet(samples: readonly Shown[], model: LiftModel, file: string): Promise<string> {
  const failures = samples.flatMap((sample) => {
    const failure = failureOf(sample, model)
    return failure && sample.picture !== undefined ? [{ sample, failure }] : []
  })
  const missed = failures.filter(({ failure }) => failure.kind === 'missed')
  const falseOnes = failures.filter(({ failure }) => failure.kind === 'false')
  missed.sort((a, b) => a.failure.score - b.failure.score)
  falseOnes.sort((a, b) => b.failure.score - a.failure.score)
  const worst = [...falseOnes.slice(0, mostOfAKind), ...missed.slice(0, mostOfAKind)]
  const tiles = await Promise.all(worst.map(({ sample, failure }) => tileOf(sample, failure, model)))
  try {
    await writeFile(file, await drawContactSheet(tiles))
  } catch (error) {
    return `the contact sheet ${file} cannot be written: ${(error as Error).message}`
  }
  return `${file} shows ${tiles.length} of ${missed.length} missed and ${falseOnes.length} false pictures, the worst first`
}

async function tileOf(sample: Shown, { kind, score }: Failure, { thresholdOf }: LiftModel): Promise<SheetTile> {
  const truths = sample.truths.map(({ label, box }) => ({ box, color: colors.truth, text: label }))
  const lowered = (sample.lowered[eBike] ?? []).filter((one) => one.score >= shownFrom).slice(0, 2)
  const others = sample.detections.filter(({ label }) => label !== eBike)
  const told = [...others, ...lowered].map(({ label, score, box }) => ({
    ...{ box, color: score >= thresholdOf(label) ? colors.told : colors.weak },
    text: `${label} ${Math.round(100 * score)}`,
  }))
  return {
    picture: (await sample.picture)!,
    caption: `${kind} ${Math.round(100 * score)} % · ${basename(sample.name).slice(-34)}`,
    boxes: [...truths, ...told],
  }
}
