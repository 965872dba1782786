import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import type { Alarm, Evidence } from './core/alarm.ts'
import type { Camera, EvidenceStore } from './core/ports.ts'
import type { ThrowReport } from './core/throw.ts'
import { createThrowEvidence } from './throw-evidence.ts'

const report: ThrowReport = {
  frame: { at: 1_000_000, mediaMs: 12_000, session: 's1' },
  ...{ fromMs: 11_000, toMs: 12_000, score: 0.9, features: {} },
  paths: [
    {
      score: 0.9,
      points: [0.3, 0.5, 0.7].map((y) => ({ atMs: 11_000, x: 0.5, y, width: 0.01, height: 0.01 })),
    },
  ],
}

/** An encoder that notes when it runs: ffmpeg itself, by way of a script. */
function notingEncoder(dir: string): { ffmpegPath: string; runs(): string[] } {
  const [ffmpegPath, log] = [join(dir, 'encoder.sh'), join(dir, 'runs')]
  writeFileSync(
    ffmpegPath,
    `#!/bin/sh\necho begin >> '${log}'\nffmpeg "$@"\ncode=$?\necho end >> '${log}'\nexit $code\n`,
  )
  chmodSync(ffmpegPath, 0o755)
  return { ffmpegPath, runs: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []) }
}

async function setUp(dir: string, options: { mostWaiting?: number; ffmpegPath?: string }) {
  const film = join(dir, 'film.mp4')
  const source = 'testsrc=size=160x90:rate=25:duration=1'
  execFileSync('ffmpeg', ['-loglevel', 'error', '-y', '-f', 'lavfi', '-i', source, '-pix_fmt', 'yuv420p', film])
  const jpeg = await sharp({ create: { width: 160, height: 90, channels: 3, background: '#808080' } })
    .jpeg()
    .toBuffer()
  const camera = {
    id: 'facade',
    snapshot: async () => jpeg,
    async clip({ file }: { file: string }) {
      copyFileSync(film, file)
      return { fromAt: 0, toAt: 1000, bytes: 1 }
    },
  } as unknown as Camera
  let next = 0
  const files = new Map<string, { file: string; type: Evidence['type'] }>()
  const evidence: EvidenceStore = {
    reserve(_, type, extension) {
      const id = `e${next++}`
      const file = join(dir, `${id}.${extension}`)
      files.set(id, { file, type })
      return { id, temporaryFile: file }
    },
    commit: async (id, facts) =>
      ({ id, alarmId: 'a', file: id, sha256: '', bytes: 1, ...facts }) as unknown as Evidence,
    path: ({ id }) => files.get(id)?.file,
    sweep: async () => ({ orphans: 0, expired: 0 }),
  }
  const kept: Array<{ alarm: string; what: string }> = []
  const failed: Array<{ alarm: string; reason: string }> = []
  const recorder = createThrowEvidence({
    ...{ evidence, camera: () => camera, calibration: () => undefined, signal: new AbortController().signal },
    addEvidence: (alarm, { type, isRestricted }) => kept.push({ alarm, what: isRestricted ? `${type}, whole` : type }),
    onFailure: (alarm, _, error) => failed.push({ alarm: alarm.id, reason: (error as Error).message }),
    ...options,
  })
  return { recorder, kept, failed }
}

t.test('when several things fall at once their clips are masked one after the other', async (t) => {
  const dir = t.testdir({})
  const { ffmpegPath, runs } = notingEncoder(dir)
  const { recorder, kept, failed } = await setUp(dir, { ffmpegPath })
  for (const id of ['a1', 'a2', 'a3']) recorder.record({ id } as Alarm, 'facade', report)
  await recorder.idle()
  t.same(failed, [])
  for (const id of ['a1', 'a2', 'a3'])
    t.same(
      kept
        .filter(({ alarm }) => alarm === id)
        .map(({ what }) => what)
        .sort(),
      ['clip', 'clip, whole', 'snapshot', 'snapshot, whole', 'track'],
    )
  t.same(runs(), ['begin', 'end', 'begin', 'end', 'begin', 'end'], 'never two encoders at once')
})

t.test('a full queue costs the masked copy, said as an event, and nothing else of any alarm', async (t) => {
  const dir = t.testdir({})
  const { recorder, kept, failed } = await setUp(dir, { mostWaiting: 1 })
  const ids = ['a1', 'a2', 'a3', 'a4']
  for (const id of ids) recorder.record({ id } as Alarm, 'facade', report)
  await recorder.idle()
  t.equal(failed.length, 2, 'one is masked, one waits')
  t.match(failed[0]!.reason, /wait to be masked already/)
  for (const id of ids)
    t.match(
      new Set(kept.filter(({ alarm }) => alarm === id).map(({ what }) => what)),
      new Set(['clip, whole', 'snapshot', 'snapshot, whole', 'track']),
    )
  t.equal(kept.filter(({ what }) => what === 'clip').length, 2)
})

t.test('an encoder that fails keeps the next throw from nothing', async (t) => {
  const dir = t.testdir({})
  const ffmpegPath = join(dir, 'broken.sh')
  writeFileSync(ffmpegPath, '#!/bin/sh\nexit 3\n')
  chmodSync(ffmpegPath, 0o755)
  const { recorder, kept, failed } = await setUp(dir, { ffmpegPath })
  for (const id of ['a1', 'a2']) recorder.record({ id } as Alarm, 'facade', report)
  await recorder.idle()
  t.same(failed.map(({ alarm }) => alarm).sort(), ['a1', 'a2'])
  t.equal(kept.filter(({ what }) => what === 'clip, whole').length, 2)
})
