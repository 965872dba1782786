import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { ConfigError, type ConfigProblem } from '../core/errors.ts'
import type { AudioClip } from '../core/ports.ts'
import { encodeG711, type G711Encoding, silenceByte } from './g711.ts'
import { resample } from './resample.ts'
import { readWav, writeWav } from './wav.ts'

/** Which clip, in which language (BCP 47: `zh`, `zh-CN`, `en`). */
export interface ClipName {
  id: string
  language: string
}

/** The voice clips of a site, converted when the gateway starts so that a warning only has to be sent. */
export interface ClipLibrary {
  /** Every clip there is, by name; `zh-CN` also finds `zh`. */
  has(name: ClipName): boolean
  list(): ReadonlyArray<ClipName & { file: string; durationMs: number }>
  /** What the clip says, for speakers that speak text themselves. */
  text(name: ClipName): string | undefined
  /** The clip as G.711 with at least `leadSilenceMs` of silence in front. */
  clip(name: ClipName, how: { encoding: G711Encoding; leadSilenceMs: number }): AudioClip | undefined
  /**
   * A WAV file with at least `leadSilenceMs` of silence in front: the clip's own file, or one made of it in `renderFolder`.
   * @throws Error of node:fs when the folder cannot be written
   */
  playableFile(name: ClipName, how: { leadSilenceMs: number }): string | undefined
}

/** The clips that ship with the gateway. */
export const shippedClipFolder = fileURLToPath(new URL('./clips/', import.meta.url))

const lineRate = 8000
const maxClipMs = 60_000
/** A stereo minute at 48 kHz and 32 bits, and some room for a recorder's own chunks. */
const maxFileBytes = 24_000_000
/** Below −50 dB of full scale counts as silence. */
const silentBelow = 10 ** (-50 / 20)
const fileName = /^([a-z0-9]+(?:-[a-z0-9]+)*)\.([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)\.wav$/
const cure =
  'record it again as WAV, 8 to 48 kHz, 16 bit, or export it with: ffmpeg -i recording -ar 8000 -ac 1 clip.wav'

interface StoredClip extends ClipName {
  file: string
  samples: Int16Array
  leadSamples: number
}

/**
 * Reads every `<clip>.<language>.wav` of the folders; a file in a later folder replaces one of the same name, so that a
 * site's own recording takes the place of a shipped clip. `texts.yaml` in a folder says what its clips say.
 * @param options.renderFolder where files for local players may be written
 * @throws ConfigError with every unusable file at once
 */
export function loadClipLibrary(options: { folders: readonly string[]; renderFolder: string }): ClipLibrary {
  const problems: ConfigProblem[] = []
  const stored = new Map<string, StoredClip>()
  const texts = new Map<string, string>()
  for (const folder of options.folders) readFolder(folder, { stored, texts, problems })
  if (problems.length > 0) throw new ConfigError('voice clips', problems)

  const ready = new Map<string, AudioClip>()
  const rendered = new Set<string>()
  const find = ({ id, language }: ClipName): StoredClip | undefined =>
    stored.get(`${id}.${language}`) ?? stored.get(`${id}.${language.split('-')[0]}`)

  return {
    has: (name) => find(name) !== undefined,
    list: () =>
      [...stored.values()].map(({ id, language, file, samples }) => ({
        id,
        language,
        file,
        durationMs: durationMs(samples),
      })),
    text: ({ id, language }) => texts.get(`${id}.${language}`) ?? texts.get(`${id}.${language.split('-')[0]}`),
    clip(name, { encoding, leadSilenceMs }) {
      const source = find(name)
      if (!source) return undefined
      const key = `${source.file} ${encoding} ${leadSilenceMs}`
      const known = ready.get(key)
      if (known) return known
      const missing = missingSilence(source, leadSilenceMs)
      const data = new Uint8Array(missing + source.samples.length).fill(silenceByte[encoding])
      data.set(encodeG711(source.samples, encoding), missing)
      const clip: AudioClip = {
        id: source.id,
        encoding,
        sampleRate: lineRate,
        data,
        wavFile: source.file,
        durationMs: (data.length / lineRate) * 1000,
      }
      ready.set(key, clip)
      return clip
    },
    playableFile(name, { leadSilenceMs }) {
      const source = find(name)
      if (!source) return undefined
      const missing = missingSilence(source, leadSilenceMs)
      if (missing === 0) return source.file
      const file = join(options.renderFolder, `${source.id}.${source.language}.${leadSilenceMs}ms.wav`)
      if (rendered.has(file) && existsSync(file)) return file
      const samples = new Int16Array(missing + source.samples.length)
      samples.set(source.samples, missing)
      mkdirSync(options.renderFolder, { recursive: true })
      writeFileSync(file, writeWav(samples, lineRate))
      rendered.add(file)
      return file
    },
  }
}

function readFolder(
  folder: string,
  into: { stored: Map<string, StoredClip>; texts: Map<string, string>; problems: ConfigProblem[] },
): void {
  let files: string[]
  try {
    files = readdirSync(folder)
  } catch (error) {
    into.problems.push({
      path: folder,
      message: `cannot be read (${codeOf(error)}); create the folder or correct its path`,
    })
    return
  }
  for (const name of files) {
    const path = join(folder, name)
    if (name === 'texts.yaml') readTexts(path, into)
    if (!name.toLowerCase().endsWith('.wav')) continue
    const [, id, language] = fileName.exec(name) ?? []
    if (!id || !language) {
      const message = 'is not named <clip>.<language>.wav in lower case, for example ebike-warning-1.zh.wav; rename it'
      into.problems.push({ path, message })
      continue
    }
    try {
      const samples = readClip(path)
      into.stored.set(`${id}.${language}`, { id, language, file: path, samples, leadSamples: leadingSilence(samples) })
    } catch (error) {
      into.problems.push({ path, message: `${messageOf(error)}; ${cure}` })
    }
  }
}

/** A file as 16-bit samples at the line's rate, or an error that says what is wrong with it. */
function readClip(path: string): Int16Array {
  if (statSync(path).size > maxFileBytes) throw new Error(`is larger than ${maxFileBytes / 1e6} MB`)
  const sound = readWav(readFileSync(path))
  if (sound.sampleRate < lineRate || sound.sampleRate > 48_000)
    throw new Error(`has ${sound.sampleRate} samples a second, not 8000 to 48000`)
  const seconds = sound.samples.length / sound.sampleRate
  if (seconds * 1000 > maxClipMs) throw new Error(`is ${Math.round(seconds)} s long, more than ${maxClipMs / 1000} s`)
  const line = resample(sound.samples, sound.sampleRate, lineRate)
  const samples = new Int16Array(line.length)
  for (let i = 0; i < line.length; i++) samples[i] = Math.max(-32_768, Math.min(32_767, Math.round(line[i]! * 32_768)))
  if (leadingSilence(samples) === samples.length) throw new Error('holds nothing but silence')
  return samples
}

function readTexts(path: string, into: { texts: Map<string, string>; problems: ConfigProblem[] }): void {
  const problem = (message: string) => into.problems.push({ path, message })
  let document: unknown
  try {
    document = parse(readFileSync(path, 'utf8'))
  } catch (error) {
    return void problem(`cannot be read as YAML: ${messageOf(error)}`)
  }
  for (const [id, languages] of Object.entries(isRecord(document) ? document : {}))
    for (const [language, wording] of Object.entries(isRecord(languages) ? languages : {})) {
      if (isRecord(wording) && typeof wording.text === 'string') into.texts.set(`${id}.${language}`, wording.text)
      else problem(`${id}.${language} has no text; write "text: …" below it`)
    }
}

function leadingSilence(samples: Int16Array): number {
  const first = samples.findIndex((sample) => Math.abs(sample) > silentBelow * 32_768)
  return first === -1 ? samples.length : first
}

function missingSilence(clip: StoredClip, leadSilenceMs: number): number {
  return Math.max(0, Math.round((leadSilenceMs / 1000) * lineRate) - clip.leadSamples)
}

const durationMs = (samples: Int16Array): number => (samples.length / lineRate) * 1000
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const codeOf = (error: unknown): string => (isRecord(error) && typeof error.code === 'string' ? error.code : 'error')
