import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

/*
 * Renders texts.yaml to the WAV files beside it: `node --import tsx gateway/speakers/clips/render.ts`.
 * Run by hand when a text changes and its result committed; nothing is synthesised while the gateway runs.
 * Needs espeak-ng and ffmpeg.
 */

/** Plain `cmn` reads pinyin as English letters (espeak-ng issue 1236). */
const voices: Record<string, readonly string[]> = {
  zh: ['-v', 'cmn-latn-pinyin', '-s', '210', '-p', '45'],
  en: ['-v', 'en-gb', '-s', '160', '-p', '42'],
}

/** No silence in front, and pauses of a quarter of a second: a person listens for a few seconds only. */
const tight =
  'silenceremove=start_periods=1:start_threshold=-50dB:' +
  'stop_periods=-1:stop_threshold=-50dB:stop_duration=0.25:stop_silence=0.25'
/** Loud against a running lift without startling: the level at the listener is set at the amplifier. */
const loudnessLufs = -16
/** Band of a telephone channel, with some lift where consonants live: small horn speakers swallow them. */
const telephoneBand =
  'highpass=f=220:p=2,equalizer=f=2400:t=q:w=1:g=4,lowpass=f=3400:p=2,lowpass=f=3400:p=2,' +
  'acompressor=threshold=-24dB:ratio=4:attack=4:release=80:makeup=4dB'
const limit = 'alimiter=limit=0.7:attack=2:release=40:level=false'
/** Half a second of silence: some devices swallow the start while their amplifier wakes up. */
const leadSilence = 'adelay=500:all=1,apad=pad_dur=0.15'

interface Wording {
  text: string
  spoken?: string
  tone?: number
}

const folder = fileURLToPath(new URL('.', import.meta.url))
const texts = parse(readFileSync(join(folder, 'texts.yaml'), 'utf8')) as Record<string, Record<string, Wording>>
const work = mkdtempSync(join(tmpdir(), 'clips-'))

const ffmpeg = (...args: string[]) => execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args])

function integratedLoudness(file: string): number {
  const { stderr } = spawnSync('ffmpeg', ['-nostdin', '-i', file, '-af', 'ebur128', '-f', 'null', '-'], {
    encoding: 'utf8',
  })
  const value = /I:\s+(-?[\d.]+) LUFS\s+Threshold/.exec(stderr.slice(stderr.lastIndexOf('Summary')))?.[1]
  if (value === undefined) throw new Error(`no loudness measured in ${file}`)
  return Number(value)
}

try {
  for (const [id, wordings] of Object.entries(texts)) {
    for (const [language, wording] of Object.entries(wordings)) {
      const spoken = join(work, 'spoken.wav')
      const banded = join(work, 'banded.wav')
      const voice = voices[language]
      if (!voice) throw new Error(`texts.yaml: ${id}.${language}: no voice for this language`)
      execFileSync('espeak-ng', [...voice, '-w', spoken, wording.spoken ?? wording.text])
      const tone = 'aevalsrc=0.25*sin(2*PI*1000*t)*min(1\\,min(t\\,0.4-t)/0.01):d=0.4:s=22050'
      const chain = wording.tone
        ? `[0:a]${tight},adelay=200:all=1,${telephoneBand}[s];${tone}[t];[t][s]concat=n=2:v=0:a=1`
        : `[0:a]${tight},${telephoneBand}`
      ffmpeg('-i', spoken, '-filter_complex', chain, '-ar', '16000', banded)
      const gainDb = loudnessLufs - integratedLoudness(banded)
      const filters = `volume=${gainDb.toFixed(1)}dB,${limit},aresample=8000:filter_size=64:cutoff=0.95,${leadSilence}`
      // bitexact: no encoder name or date in the file, so that an unchanged text gives an unchanged file.
      const target = join(folder, `${id}.${language}.wav`)
      ffmpeg('-i', banded, '-af', filters, '-ac', '1', '-c:a', 'pcm_s16le', '-fflags', '+bitexact', target)
    }
  }
} finally {
  rmSync(work, { recursive: true })
}
