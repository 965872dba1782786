import { readFile, stat } from 'node:fs/promises'
import { basename, extname, relative } from 'node:path'
import { readDataFolder } from './data-folder.ts'
import { DataError, type DataProblem } from './evaluator.ts'

/** One recording of one person: samples at an even rate. */
export interface WearableRecording {
  /** Name of the data set's file, without ending. */
  set: string
  subject: string
  activity: string
  isFall: boolean
  isElderly: boolean
  rateHz: number
  /** x y z interleaved, g with gravity. */
  values: Float32Array
  /** Of the highest peak of the fall, ms from the start of the recording; NaN without a fall. */
  impactMs: number
}

/**
 * Reads every `<name>.json` that has a `<name>.i16` beside it: little-endian int16, three columns, one unit for all
 * (`"unit": "1/1024 g"`). What cannot be read becomes a problem; so does a single recording that lies outside its file.
 * @param data a folder, or one of the two files
 * @throws DataError when there is nothing in that format
 */
export async function* readWearables(data: string, problems: DataProblem[]): AsyncGenerator<WearableRecording[]> {
  const isFile = (await stat(data)).isFile()
  const stem = (file: string) => file.slice(0, -extname(file).length)
  const files = isFile ? new Set([data]) : (await readDataFolder(data, problems)).others
  const stems = [...files].filter((file) => extname(file) === '.i16' || (isFile && extname(file) === '.json')).map(stem)
  if (stems.length === 0) throw new DataError(`${data}: no .i16 with a .json beside it`)
  for (const each of stems) {
    const where = isFile ? basename(each) : relative(data, each)
    const set = await readSet(each, where, problems)
    if (set.length > 0) yield set
  }
}

async function readSet(stem: string, where: string, problems: DataProblem[]): Promise<WearableRecording[]> {
  const say = (what: string) => {
    problems.push({ where, what })
    return []
  }
  let document: Record<string, unknown>
  let bytes: Buffer
  try {
    document = JSON.parse(await readFile(`${stem}.json`, 'utf8')) as Record<string, unknown>
    bytes = await readFile(`${stem}.i16`)
  } catch (error) {
    return say(`cannot be read: ${(error as Error).message.split('\n')[0]}`)
  }
  const { recordings, rateHz = 50, unit = '1/1024 g' } = document ?? {}
  const perG = /^1\/(\d+) g$/.exec(String(unit))?.[1]
  if (!Array.isArray(recordings)) return say('"recordings" is no list')
  if (!perG) return say(`unit "${String(unit)}" is not like "1/1024 g"`)
  if (typeof rateHz !== 'number' || !(rateHz >= 5 && rateHz <= 1000)) return say(`rateHz is ${String(rateHz)}`)
  const rows = Math.floor(bytes.length / 6)
  return recordings.flatMap((row: unknown, i) => {
    const value = (typeof row === 'object' && row !== null ? row : {}) as Record<string, unknown>
    const { start, length } = value
    const isInside =
      Number.isInteger(start) &&
      Number.isInteger(length) &&
      Number(start) >= 0 &&
      Number(start) + Number(length) <= rows
    if (!isInside || Number(length) < 2 || typeof value.fall !== 'boolean') {
      problems.push({
        where: `${where} recordings[${i}]`,
        what: isInside ? 'is too short or does not say "fall": true or false' : `lies outside the ${rows} samples`,
      })
      return []
    }
    const values = new Float32Array(Number(length) * 3)
    for (let at = 0; at < values.length; at++) values[at] = bytes.readInt16LE(6 * Number(start) + 2 * at) / Number(perG)
    return [
      {
        set: basename(stem),
        subject: String(value.subject ?? ''),
        activity: String(value.activity ?? ''),
        isFall: value.fall,
        isElderly: value.elderly === true,
        rateHz,
        values,
        impactMs: value.fall ? impactOf(values, rateHz, value) : Number.NaN,
      },
    ]
  })
}

/** Highest norm between the marks of the fall, where there are any; the marks end up to 2 s too early in some sets. */
function impactOf(values: Float32Array, rateHz: number, row: Record<string, unknown>): number {
  const rows = values.length / 3
  const from = typeof row.fallStartS === 'number' ? Math.floor(row.fallStartS * rateHz) : 0
  const to = typeof row.fallEndS === 'number' ? Math.ceil((row.fallEndS + 2) * rateHz) : rows
  let best = Math.min(Math.max(0, from), rows - 1)
  let height = 0
  for (let i = best; i < Math.min(rows, to); i++) {
    const norm = Math.hypot(values[3 * i]!, values[3 * i + 1]!, values[3 * i + 2]!)
    if (norm <= height) continue
    height = norm
    best = i
  }
  return (best * 1000) / rateHz
}
