import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError } from '../core/errors.ts'
import { loadClipLibrary, shippedClipFolder } from './clip-library.ts'
import { decodeG711 } from './g711.ts'
import { resample } from './resample.ts'
import { readWav, writeWav } from './wav.ts'

const sine = (hertz: number, rate: number, seconds: number, level = 0.5) =>
  Float32Array.from({ length: rate * seconds }, (_, i) => level * Math.sin((2 * Math.PI * hertz * i) / rate))

/** Level of one frequency, as the amplitude of a sine (Goertzel). */
function levelAt(samples: ArrayLike<number>, hertz: number, rate: number, from = 0, to = samples.length): number {
  let [re, im] = [0, 0]
  for (let i = from; i < to; i++) {
    re += samples[i]! * Math.cos((2 * Math.PI * hertz * i) / rate)
    im += samples[i]! * Math.sin((2 * Math.PI * hertz * i) / rate)
  }
  return (2 * Math.hypot(re, im)) / (to - from)
}

/** Half a second of 1 kHz, amplitude 0.5, in several files at once. */
const toWav = (...files: Array<[file: string, rate: number, codec: string, channels?: number]>) => {
  const outputs = files.flatMap(([file, rate, codec, channels = 1]) => [
    '-ac',
    `${channels}`,
    '-ar',
    `${rate}`,
    '-c:a',
    codec,
    file,
  ])
  execFileSync('ffmpeg', [
    '-v',
    'error',
    '-f',
    'lavfi',
    '-i',
    'aevalsrc=0.5*sin(2*PI*1000*t):s=48000:d=0.5',
    ...outputs,
  ])
}

t.test(
  'every shipped warning is there in Mandarin and English, with its text and half a second of silence',
  async (t) => {
    const library = loadClipLibrary({ folders: [shippedClipFolder], renderFolder: t.testdir() })
    for (const id of ['ebike-warning-1', 'ebike-warning-2', 'ebike-warning-3', 'speaker-test'])
      for (const language of ['zh', 'en']) {
        t.ok(library.text({ id, language }), `${id} has its text in ${language}`)
        const clip = library.clip({ id, language }, { encoding: 'pcma', leadSilenceMs: 0 })!
        const samples = decodeG711(clip.data, 'pcma')
        t.ok(samples.subarray(0, 3900).every((sample) => Math.abs(sample) < 100))
        const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
        t.ok(peak > 12_000 && peak < 30_000, `loud and not clipped (${peak})`)
        t.ok(clip.durationMs > 2500 && clip.durationMs < 8000, `${clip.durationMs} ms`)
        // Speech has its energy in syllables: some parts loud, some parts quiet.
        const loud = Array.from({ length: 200 }, (_, i) => samples.slice(4000 + i * 160, 4160 + i * 160)).filter(
          (part) => Math.hypot(...part) / Math.sqrt(part.length || 1) > 1500,
        ).length
        t.ok(loud > 20 && loud < 180, `it speaks (${loud} loud parts)`)
      }
  },
)

t.test('the language falls back from the region to the language, and no further', async (t) => {
  const library = loadClipLibrary({ folders: [shippedClipFolder], renderFolder: t.testdir() })
  t.ok(library.has({ id: 'speaker-test', language: 'zh-CN' }))
  t.notOk(library.has({ id: 'speaker-test', language: 'de' }))
  t.equal(library.clip({ id: 'no-such', language: 'zh' }, { encoding: 'pcmu', leadSilenceMs: 0 }), undefined)
})

t.test('a recording of the site replaces the shipped clip of the same name', async (t) => {
  const site = t.testdir()
  toWav([join(site, 'ebike-warning-1.zh.wav'), 44_100, 'pcm_s16le', 2])
  writeFileSync(join(site, 'texts.yaml'), 'ebike-warning-1:\n  zh:\n    text: 请下车\n')
  const library = loadClipLibrary({ folders: [shippedClipFolder, site], renderFolder: site })
  const clip = library.clip({ id: 'ebike-warning-1', language: 'zh' }, { encoding: 'pcmu', leadSilenceMs: 0 })!
  t.equal(clip.durationMs, 500)
  t.equal(clip.wavFile, join(site, 'ebike-warning-1.zh.wav'))
  t.equal(library.text({ id: 'ebike-warning-1', language: 'zh' }), '请下车')
  t.ok(levelAt(decodeG711(clip.data, 'pcmu'), 1000, 8000) / 32_768 > 0.3, 'the tone is in it')
})

t.test('common recordings are all understood', async (t) => {
  const folder = t.testdir()
  const kinds = ['pcm_u8', 'pcm_s16le', 'pcm_s24le', 'pcm_s32le', 'pcm_f32le', 'pcm_alaw', 'pcm_mulaw']
  const files = kinds.flatMap((codec) =>
    [8000, 16_000, 22_050, 44_100, 48_000].flatMap((rate) =>
      [1, 2].map((channels): [string, number, string, number] => {
        const name = `${codec.replace('_', '-')}-${rate}-${channels}.en.wav`
        return [join(folder, name), rate, codec, channels]
      }),
    ),
  )
  toWav(...files)
  const library = loadClipLibrary({ folders: [folder], renderFolder: folder })
  t.equal(library.list().length, 70)
  for (const { id, durationMs } of library.list()) {
    const samples = decodeG711(
      library.clip({ id, language: 'en' }, { encoding: 'pcma', leadSilenceMs: 0 })!.data,
      'pcma',
    )
    const level = levelAt(samples, 1000, 8000) / 32_768
    if (Math.abs(durationMs - 500) > 1 || Math.abs(level - (id.endsWith('-2') ? Math.SQRT1_2 / 2 : 0.5)) > 0.01)
      t.fail(`${id}: ${durationMs} ms, level ${level}`)
  }
})

t.test('resampling keeps speech and removes what the line cannot carry', async (t) => {
  for (const rate of [16_000, 22_050, 44_100, 48_000]) {
    const level = (hertz: number, at = hertz) =>
      levelAt(resample(sine(hertz, rate, 0.5), rate, 8000), at, 8000, 800, 3200)
    t.ok(Math.abs(level(300) - 0.5) < 0.005, `${rate}: 300 Hz passes`)
    t.ok(Math.abs(level(3300) - 0.5) < 0.03, `${rate}: 3300 Hz passes`)
    t.ok(level(5000, 3000) < 0.5 * 10 ** (-70 / 20), `${rate}: 5000 Hz does not come back as 3000 Hz`)
  }
})

t.test('a speaker that swallows the start gets as much silence as it needs, and no more', async (t) => {
  const folder = t.testdir()
  toWav([join(folder, 'tone.en.wav'), 8000, 'pcm_s16le'])
  const renderFolder = join(folder, 'rendered')
  const library = loadClipLibrary({ folders: [folder, shippedClipFolder], renderFolder })
  const tone = { id: 'tone', language: 'en' }
  t.equal(library.clip(tone, { encoding: 'pcma', leadSilenceMs: 0 })!.durationMs, 500)
  const padded = library.clip(tone, { encoding: 'pcma', leadSilenceMs: 700 })!
  t.ok(padded.data.subarray(0, 5590).every((byte) => byte === 0xd5))
  t.ok(Math.abs(padded.durationMs - 1200) < 2)
  t.equal(library.clip(tone, { encoding: 'pcma', leadSilenceMs: 700 }), padded, 'prepared once')

  t.equal(library.playableFile(tone, { leadSilenceMs: 0 }), join(folder, 'tone.en.wav'))
  const rendered = readWav(readFileSync(library.playableFile(tone, { leadSilenceMs: 700 })!))
  t.ok(Math.abs(rendered.samples.length - 9600) < 16)
  const shipped = { id: 'speaker-test', language: 'en' }
  t.equal(library.playableFile(shipped, { leadSilenceMs: 500 }), join(shippedClipFolder, 'speaker-test.en.wav'))
})

t.test('every unusable file is named with its cure, all at once', async (t) => {
  const folder = t.testdir({
    'a.en.wav': 'this is an MP3 in disguise',
    'b.en.wav': Buffer.from(writeWav(new Int16Array(8000), 8000)),
    'c.en.wav': Buffer.from(writeWav(Int16Array.of(20_000, -20_000, 20_000), 4000)),
    'd.en.wav': Buffer.from(writeWav(new Int16Array(8000 * 61).fill(9000), 8000)),
    'Meine Ansage.wav': '',
    'e.en.wav': Buffer.from(writeWav(new Int16Array(100).fill(9000), 8000)).subarray(0, 30),
    'texts.yaml': 'a:\n  en: {}\n',
    'readme.txt': 'ignored',
  })
  const load = () =>
    loadClipLibrary({ folders: [shippedClipFolder, folder, join(folder, 'missing')], renderFolder: folder })
  const error = t.throws(load, ConfigError) as unknown as ConfigError
  const said = Object.fromEntries(error.problems.map((p) => [p.path.slice(folder.length + 1), p.message]))
  t.match(said['a.en.wav'], /not a WAV file.*ffmpeg -i/)
  t.match(said['b.en.wav'], /nothing but silence/)
  t.match(said['c.en.wav'], /4000 samples a second/)
  t.match(said['d.en.wav'], /61 s long/)
  t.match(said['e.en.wav'], /damaged/)
  t.match(said['Meine Ansage.wav'], /rename it/)
  t.match(said['texts.yaml'], /a\.en has no text/)
  t.match(said.missing, /ENOENT.*create the folder/)
  t.equal(error.problems.length, 8)
})

t.test('random bytes never do worse than an error', async (t) => {
  const seed = writeWav(
    Int16Array.from({ length: 200 }, (_, i) => i * 50),
    8000,
  )
  let state = 1
  const random = () => {
    state = (state * 48_271) % 2_147_483_647
    return state
  }
  for (let round = 0; round < 3000; round++) {
    const bytes = Uint8Array.from(seed).subarray(0, 10 + (random() % seed.length))
    for (let change = 0; change < 4; change++) bytes[random() % Math.min(48, bytes.length)] = random() % 256
    try {
      const sound = readWav(bytes)
      if (sound.samples.length > bytes.length) t.fail('more samples than bytes')
    } catch (error) {
      if (!(error instanceof Error) || !/^(is|has) /.test(error.message)) t.fail(String(error))
    }
  }
  t.pass('3000 damaged files')
})

t.test('a folder that cannot be written only matters to a local player', async (t) => {
  const folder = t.testdir()
  toWav([join(folder, 'tone.en.wav'), 8000, 'pcm_s16le'])
  writeFileSync(join(folder, 'blocker'), '')
  chmodSync(join(folder, 'blocker'), 0o400)
  const library = loadClipLibrary({ folders: [folder], renderFolder: join(folder, 'blocker', 'x') })
  t.ok(library.clip({ id: 'tone', language: 'en' }, { encoding: 'pcmu', leadSilenceMs: 700 }))
  t.throws(() => library.playableFile({ id: 'tone', language: 'en' }, { leadSilenceMs: 700 }), { code: 'ENOTDIR' })
})
