import { readFile } from 'node:fs/promises'
import { basename, dirname, extname, join, relative } from 'node:path'
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Box } from '../../gateway/core/detection.ts'
import type { ClassReader } from './class-names.ts'
import type { DataFolder } from './data-folder.ts'
import type { DataProblem } from './evaluator.ts'
import type { PictureTruth, Truth } from './samples.ts'
import { clipped } from './yolo-labels.ts'

/*
 * What is in the frames of a clip, from a file beside it. Two shapes, both in pixels of the clip, frames counted from 0:
 *
 *   tracks.json, or <clip>.json: { "<clip>": { fps, size: [w, h], tracks: { "<class>": [{ f, x, y, w, h, inside? }] } } },
 *     or the inner object alone. A frame without a row of a track does not show it. A class may have several tracks,
 *     told apart by a number at the end: "e-bike-2". Of classes without a track, only the watched one counts as absent.
 *   <clip>.json of the simulators: { width, height, framesPerSecond, frames: [{ frame, objects: [{ track, label,
 *     box: [x, y, w, h], inside }] }] }, complete: what is not there is absent. What is still outside is neutral.
 *
 * `inside` is the share of a thing that is inside the cab, 0…1.
 */

const row = Type.Object({
  ...{ f: Type.Number(), x: Type.Number(), y: Type.Number(), w: Type.Number(), h: Type.Number() },
  inside: Type.Optional(Type.Number()),
})
const tracksSchema = Type.Object({
  fps: Type.Number({ exclusiveMinimum: 0 }),
  size: Type.Tuple([Type.Number({ exclusiveMinimum: 0 }), Type.Number({ exclusiveMinimum: 0 })]),
  tracks: Type.Record(Type.String(), Type.Array(row)),
})
const framesSchema = Type.Object({
  width: Type.Number({ exclusiveMinimum: 0 }),
  height: Type.Number({ exclusiveMinimum: 0 }),
  framesPerSecond: Type.Number({ exclusiveMinimum: 0 }),
  frames: Type.Array(
    Type.Object({
      frame: Type.Number(),
      objects: Type.Array(
        Type.Object({
          track: Type.Number(),
          label: Type.String(),
          box: Type.Tuple([Type.Number(), Type.Number(), Type.Number(), Type.Number()]),
          inside: Type.Optional(Type.Number()),
        }),
      ),
    }),
  ),
})

/** One stay of the watched thing, in frames. */
export interface Visit {
  /** First frame that shows it at the cab. */
  from: number
  /** First frame in which half of it is inside. */
  halfInside: number
  /** Last frame that shows it. */
  until: number
}

/** Truth of one clip. */
export interface ClipTruth {
  framesPerSecond: number
  visits: readonly Visit[]
  /** Undefined when only the visits are known. */
  truthAt?(frame: number, name: string): PictureTruth
}

interface Thing {
  frame: number
  track: string
  label: string
  isIgnored: boolean
  box: Box
  inside: number | undefined
}

export interface TrackReaderOptions {
  folder: DataFolder
  classes: ClassReader
  labels: readonly string[]
  /** Label whose visits are wanted. */
  watched: string
  foreign: Map<string, number>
  problems: DataProblem[]
}

/** Truth of a clip; undefined when no file tells it. Files that cannot be used become problems. */
export async function readTracks(clip: string, options: TrackReaderOptions): Promise<ClipTruth | undefined> {
  const { folder, problems } = options
  const stem = basename(clip, extname(clip))
  const beside = (name: string) => join(dirname(clip), name)
  const places = [beside(`${stem}.json`), beside(`${stem}.tracks.json`), beside('tracks.json')]
  for (const file of [...places, join(folder.root, 'tracks.json')]) {
    if (!folder.others.has(file)) continue
    const where = relative(folder.root, file)
    try {
      const document: unknown = JSON.parse(await readFile(file, 'utf8'))
      const found = ownPart(document, [stem, basename(clip)])
      if (found !== undefined)
        return 'frames' in found && Array.isArray(found.frames) ? ofFrames(found, options) : ofTracks(found, options)
    } catch (error) {
      problems.push({ where, what: `tells no tracks of ${basename(clip)}: ${(error as Error).message.split('\n')[0]}` })
    }
  }
  return undefined
}

/** The object about one clip: the document itself, or its value under the clip's name. */
function ownPart(document: unknown, names: readonly string[]): object | undefined {
  if (typeof document !== 'object' || document === null) throw new Error('it is no object')
  if ('tracks' in document || 'framesPerSecond' in document) return document
  const key = names.find((name) => Object.hasOwn(document, name))
  if (key === undefined) return undefined
  const part = (document as Record<string, unknown>)[key]
  if (typeof part !== 'object' || part === null) throw new Error(`"${key}" is no object`)
  return part
}

function checked<T extends TSchema>(schema: T, value: unknown): Static<T> {
  const [problem] = Value.Errors(schema, value)
  if (problem) throw new Error(`${problem.instancePath || 'it'} ${problem.message}`)
  return value as Static<T>
}

function ofTracks(part: object, options: TrackReaderOptions): ClipTruth {
  const { fps, size, tracks } = checked(tracksSchema, part)
  const [width, height] = size
  const drawn = new Set<string>()
  const things = Object.entries(tracks).flatMap(([track, rows]) => {
    const meaning = options.classes.meaningOf(track.replace(/[-_ ]?\d+$/, ''))
    const { label, isIgnored } = meaning
    if (label !== undefined) drawn.add(label)
    else if (!isIgnored) count(options.foreign, meaning.name, rows.length)
    if (label === undefined && !isIgnored) return []
    const box = ({ x, y, w, h }: (typeof rows)[number]) => boxIn([x, y, w, h], width, height)
    return rows.map((row) => ({
      track,
      label: label ?? '',
      isIgnored,
      frame: row.f,
      box: box(row),
      inside: row.inside,
    }))
  })
  const undrawn = options.labels.filter((label) => !drawn.has(label) && label !== options.watched)
  return truthOf(things, fps, new Set(undrawn), options.watched)
}

function ofFrames(part: object, options: TrackReaderOptions): ClipTruth {
  const { width, height, framesPerSecond, frames } = checked(framesSchema, part)
  const things = frames.flatMap(({ frame, objects }) =>
    objects.flatMap(({ track, label: name, box, inside }) => {
      const { label, isIgnored } = options.classes.meaningOf(name)
      if (label === undefined && !isIgnored) count(options.foreign, name, 1)
      if (label === undefined && !isIgnored) return []
      const isOutside = inside === 0
      return [
        {
          ...{ track: `${name} ${track}`, label: label ?? '', isIgnored: isIgnored || isOutside, frame },
          ...{ box: boxIn(box, width, height), inside },
        },
      ]
    }),
  )
  return truthOf(things, framesPerSecond, new Set(), options.watched)
}

function truthOf(things: Thing[], framesPerSecond: number, unlabelled: Set<string>, watched: string): ClipTruth {
  const byFrame = new Map<number, Thing[]>()
  for (const thing of things) {
    const list = byFrame.get(thing.frame)
    if (list) list.push(thing)
    else byFrame.set(thing.frame, [thing])
  }
  return {
    framesPerSecond,
    visits: visitsOf(things.filter(({ label, isIgnored }) => label === watched && !isIgnored)),
    truthAt(frame, name) {
      const here = byFrame.get(frame) ?? []
      const truths: Truth[] = here.filter(({ isIgnored }) => !isIgnored).map(({ label, box }) => ({ label, box }))
      return { name, truths, neutral: here.filter(({ isIgnored }) => isIgnored).map(({ box }) => box), unlabelled }
    },
  }
}

/** One visit per track. Where nobody says what is inside, half the largest box stands for half of the thing. */
function visitsOf(things: readonly Thing[]): Visit[] {
  const tracks = new Map<string, Thing[]>()
  for (const thing of things) tracks.set(thing.track, [...(tracks.get(thing.track) ?? []), thing])
  const visits = [...tracks.values()].flatMap((track) => {
    const rows = track.sort((a, b) => a.frame - b.frame)
    const area = ({ box }: Thing) => box.width * box.height
    const largest = Math.max(...rows.map(area))
    const half = rows.find((thing) => (thing.inside === undefined ? area(thing) >= largest / 2 : thing.inside >= 0.5))
    return half ? [{ from: rows[0]!.frame, halfInside: half.frame, until: rows.at(-1)!.frame }] : []
  })
  return visits.sort((a, b) => a.from - b.from)
}

function boxIn([x, y, w, h]: readonly [number, number, number, number], width: number, height: number): Box {
  return clipped({ x: x / width, y: y / height, width: w / width, height: h / height })
}

function count(counts: Map<string, number>, name: string, more: number): void {
  counts.set(name, (counts.get(name) ?? 0) + more)
}
