import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Box, labels, Studio, type StudioOptions } from './studio.ts'

export type StillsOptions = {
  frames: number
  out: string
  /** First cab; a data set of N frames uses the cabs seed … seed + N / perCab. */
  seed: number
  width: number
  height: number
  perCab: number
} & StudioOptions

/**
 * A vehicle that is in the cab by less than this share is no finding, and no background to learn from either. One that
 * still stands in the hall is background: who passes an open lift with an e-bike is not to be warned.
 */
const insideAtLeast = 0.12

function line(box: Box, width: number, height: number): string {
  const numbers = [
    (box.x + box.width / 2) / width,
    (box.y + box.height / 2) / height,
    box.width / width,
    box.height / height,
  ]
  return `${labels.indexOf(box.label)} ${numbers.map((n) => n.toFixed(5)).join(' ')}\n`
}

/**
 * Writes `images/`, `labels/` (YOLO), `ignored/` (boxes that count neither way: vehicles that begin to come in) and
 * `classes.txt`.
 */
export async function renderStills(options: StillsOptions): Promise<void> {
  const { frames, out, seed, width, height, perCab } = options
  for (const folder of ['images', 'labels', 'ignored']) await mkdir(join(out, folder), { recursive: true })
  await writeFile(join(out, 'classes.txt'), `${labels.join('\n')}\n`)
  const studio = await Studio.open(options)
  const began = Date.now()
  try {
    for (let i = 0; i < frames; i++) {
      const cab = seed + Math.floor(i / perCab)
      const shot = await studio.still(cab, i % perCab, width, height)
      const name = `${String(cab).padStart(6, '0')}-${i % perCab}`
      const counts = (box: Box) => box.label === 'person' || box.inside >= insideAtLeast
      await writeFile(join(out, 'images', `${name}.${options.cutouts ? 'webp' : 'jpg'}`), shot.jpeg)
      await writeFile(
        join(out, 'labels', `${name}.txt`),
        shot.boxes
          .filter(counts)
          .map((box) => line(box, width, height))
          .join(''),
      )
      const ignored = shot.boxes.filter((box) => !counts(box) && box.inside > 0)
      if (ignored.length > 0)
        await writeFile(join(out, 'ignored', `${name}.txt`), ignored.map((box) => line(box, width, height)).join(''))
      if ((i + 1) % 100 === 0)
        console.log(`${i + 1} of ${frames}, ${((i + 1) / ((Date.now() - began) / 1000)).toFixed(1)} per second`)
    }
  } finally {
    await studio.close()
  }
}
