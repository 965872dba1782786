import { readFile } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { facadeCalibration } from '../../gateway/falling/index.ts'

/*
 * What a facade clip shows: tracks.json in its folder, or <clip>.json beside it, as { "<clip>": { fps, size, tracks } }.
 * Tracks called object, object-2, … are throws; window_reflection, window_reflection-2, … are their mirror images.
 * The simulator adds throws (kind and floor), the calibration and what else moved. A clip nobody describes shows no throw.
 */

const row = Type.Object({
  ...{ f: Type.Number(), x: Type.Number(), y: Type.Number(), w: Type.Number(), h: Type.Number() },
  ...{ cx: Type.Optional(Type.Number()), cy: Type.Optional(Type.Number()), area: Type.Optional(Type.Number()) },
})

const clipTruth = Type.Object({
  fps: Type.Number({ exclusiveMinimum: 0 }),
  size: Type.Tuple([Type.Number({ exclusiveMinimum: 0 }), Type.Number({ exclusiveMinimum: 0 })]),
  tracks: Type.Record(Type.String(), Type.Array(row)),
  throws: Type.Optional(
    Type.Array(Type.Object({ track: Type.String(), kind: Type.String(), floor: Type.Number(), column: Type.Number() })),
  ),
  building: Type.Optional(Type.String()),
  calibration: Type.Optional(facadeCalibration),
  daylight: Type.Optional(Type.String()),
  distractors: Type.Optional(Type.Array(Type.String())),
})

export type FacadeTruth = Static<typeof clipTruth>

/**
 * Reads what a clip shows.
 * @returns undefined when no file speaks of it
 * @throws Error in words when a file does and makes no sense
 */
export async function readFacadeTruth(clip: string): Promise<FacadeTruth | undefined> {
  const name = basename(clip, extname(clip))
  for (const file of [join(dirname(clip), `${name}.json`), join(dirname(clip), 'tracks.json')]) {
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text === undefined) continue
    const all = JSON.parse(text) as Record<string, unknown>
    const own = all[name] ?? (basename(file) === 'tracks.json' ? undefined : all)
    if (own === undefined) continue
    if (Value.Check(clipTruth, own)) return own
    const [first] = Value.Errors(clipTruth, own)
    throw new Error(`${basename(file)}: ${first?.instancePath ?? ''} ${first?.message ?? 'is not understood'}`)
  }
  return undefined
}
