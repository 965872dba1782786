import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import { startApp } from '../../gateway/app.ts'
import { parseSite } from '../../gateway/config/load.ts'
import { driverSchemas } from '../../gateway/drivers.ts'
import { until } from '../../gateway/testing/until.ts'
import { createRtspServer } from '../cameras/rtsp-server.ts'
import { logIn } from '../console-client.ts'
import { calibrationOf, createBuilding } from '../facades/building.ts'
import { readTruth, renderScene } from '../facades/render.ts'
import type { ScenePlan } from '../facades/scene.ts'
import { freePorts } from '../ports.ts'

const building = 301
const width = 640
const metricsToken = 'metrics-token-of-the-test'
const base: ScenePlan = {
  ...{ building, seed: 1, width, framesPerSecond: 25, seconds: 18, daylight: 'day', noise: 1.5 },
  ...{ throws: [{ at: 5, kind: 'bag' }], distractors: [], disturbances: [] },
}

interface EvidenceRow {
  id: string
  type: string
  isRestricted?: true
  sha256: string
  fromAt: string
  toAt: string
}
interface AlarmRow {
  id: string
  kind: string
  place: { building?: string; floor?: string }
  source: { id: string }
  raisedAt: string
  why: Array<{ key: string }>
  evidence: EvidenceRow[]
  caseId?: string
}

interface JournalRow {
  [key: string]: unknown
  seq: number
  at: number
  hash: string
  previousHash: string
  data: { transition?: { evidence?: { sha256: string } } }
}

/** As README.txt of the package says. */
function hashOf({ hash: _, previousHash, ...row }: JournalRow): string {
  const sorted = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(sorted)
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, each]) => [key, sorted(each)]),
    )
  }
  return createHash('sha256')
    .update(`${previousHash}\n${JSON.stringify(sorted(row))}`)
    .digest('hex')
}

/** A gateway with one camera on a facade for each clip; the clips begin when they are first received. */
async function site(t: Test, dir: string, clips: Record<string, string>) {
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'metrics-token'), metricsToken)
  const rtsp = await createRtspServer({ port: 0 })
  t.teardown(() => rtsp.close())
  for (const [name, file] of Object.entries(clips)) await rtsp.mount(name, { file, loop: false })
  const [mqtt] = await freePorts(1)
  const names = Object.keys(clips)
  const text = JSON.stringify({
    site: { id: 'garden', name: { zh: '花园', en: 'Garden' } },
    dataDir: dir,
    http: { port: 0, metricsToken: { file: 'metrics-token' } },
    mqtt: { port: mqtt },
    buildings: [{ id: 'b1', name: { zh: '1 号楼', en: 'Building 1' } }],
    cameras: names.map((id) => ({
      ...{ id, name: { zh: id, en: id }, place: { building: 'b1' }, url: rtsp.url(id) },
    })),
    scenes: [
      {
        scene: 'high-rise-throwing',
        cameras: names,
        options: { calibration: { east: calibrationOf(createBuilding(building, width)) } },
      },
    ],
    models: { dir: new URL('../../models', import.meta.url).pathname, workers: 1 },
    learning: { mode: 'off' },
  })
  const config = parseSite(text, join(dir, 'site.yaml'), driverSchemas)
  const app = await startApp({ config, logger: pino({ level: process.env.GRIDGATE_TEST_LOG ?? 'silent' }) })
  t.teardown(() => app.stop())
  const client = await logIn(app.url, 'admin', app.firstPassword!)
  return { app, client, rtsp }
}

t.test('what is thrown from a facade is one alarm with its floor, its clip and its picture', async (t) => {
  const home = t.testdir()
  const dir = join(home, 'clips')
  mkdirSync(dir, { recursive: true })
  const thrown = join(dir, 'thrown.mp4')
  const birds = join(dir, 'birds.mp4')
  await renderScene(base, thrown)
  await renderScene({ ...base, seed: 7, seconds: 12, throws: [], distractors: ['birds'] }, birds)
  const truth = (await readTruth(thrown)) as { throws: Array<{ floor: number }> }
  const { app, client, rtsp } = await site(t, join(home, 'data'), { east: thrown, west: birds })
  const alarms = async () => (await client.get<{ items: AlarmRow[] }>('/alarms')).items

  const { id } = await until('the throw is told', async () => (await alarms())[0], 120_000, 200)
  const hasClip = async () => (await client.get<AlarmRow>(`/alarms/${id}`)).evidence.some(({ type }) => type === 'clip')
  await until('the clip is kept', hasClip, 60_000, 100)
  // A clip that has ended begins anew with its next receiver, and its throw is another throw.
  rtsp.unplug('east')
  const whole = await until(
    'everything is kept',
    async () => {
      const alarm = await client.get<AlarmRow>(`/alarms/${id}`)
      return alarm.evidence.length >= 5 && alarm
    },
    180_000,
    500,
  )
  t.equal(whole.kind, 'high_rise_throwing')
  t.equal(whole.place.building, 'b1')
  t.ok(
    Math.abs(Number(whole.place.floor) - truth.throws[0]!.floor) <= 1,
    `floor ${whole.place.floor} of ${truth.throws[0]!.floor}`,
  )
  t.ok(whole.why.some(({ key }) => key === 'throw-floor'))
  t.ok(whole.caseId, 'it is a case')

  const find = (type: string, isRestricted: boolean) =>
    whole.evidence.find((each) => each.type === type && (each.isRestricted === true) === isRestricted)!
  const clip = find('clip', true)
  const [from, at, to] = [clip.fromAt, whole.raisedAt, clip.toAt].map((instant) => Date.parse(instant))
  t.ok(from! < at! - 3000 && to! > at! + 3000, `the clip shows ${at! - from!} ms before and ${to! - at!} ms after`)
  for (const row of whole.evidence) {
    const { bytes } = await client.file(`/evidence/${row.id}`)
    t.equal(createHash('sha256').update(bytes).digest('hex'), row.sha256, `${row.type} is what was kept`)
  }
  const masked = await client.file(`/evidence/${find('snapshot', false).id}`)
  const original = await client.file(`/evidence/${find('snapshot', true).id}`)
  const stats = (bytes: Buffer) => sharp(bytes).greyscale().stats()
  t.ok((await stats(masked.bytes)).sharpness < (await stats(original.bytes)).sharpness, 'the windows are masked')
  if (process.env.GRIDGATE_TEST_KEEP) {
    writeFileSync(join(process.env.GRIDGATE_TEST_KEEP, 'masked.jpg'), masked.bytes)
    writeFileSync(join(process.env.GRIDGATE_TEST_KEEP, 'original.jpg'), original.bytes)
    writeFileSync(
      join(process.env.GRIDGATE_TEST_KEEP, 'masked.mp4'),
      (await client.file(`/evidence/${find('clip', false).id}`)).bytes,
    )
  }
  const { entries } = await client.get<{ entries: Array<{ transition: string; data: { evidence?: string } }> }>(
    '/journal?after=0&topics=audit',
  )
  t.ok(
    entries.some(({ transition, data }) => transition === 'evidence-unmasked' && data.evidence === clip.id),
    'who looked at the unmasked clip is in the journal',
  )

  const archive = await client.file(`/alarms/${id}/police-package`)
  if (process.env.GRIDGATE_TEST_KEEP) writeFileSync(join(process.env.GRIDGATE_TEST_KEEP, 'package.tar'), archive.bytes)
  const unpacked = join(home, 'package')
  mkdirSync(unpacked)
  const unpacking = spawnSync('tar', ['-x', '-C', unpacked], { input: archive.bytes })
  t.equal(unpacking.status, 0, String(unpacking.stderr))
  const checking = spawnSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: unpacked, encoding: 'utf8' })
  t.equal(checking.status, 0, checking.stdout + checking.stderr)
  t.same(readdirSync(unpacked).sort(), [
    ...['README.txt', 'SHA256SUMS', 'clip-original.mp4', 'journal.json', 'report.html'],
    ...['track-and-calibration.json', 'trajectory.jpg'],
  ])
  const proof = JSON.parse(readFileSync(join(unpacked, 'journal.json'), 'utf8')) as { rows: JournalRow[] }
  t.ok(proof.rows.length >= 7, `${proof.rows.length} rows about the alarm`)
  for (const row of proof.rows) t.equal(hashOf(row), row.hash, `row ${row.seq} is what its hash says`)
  const hashes = proof.rows.flatMap(({ data }) => data.transition?.evidence?.sha256 ?? [])
  t.ok(hashes.includes(clip.sha256), 'the journal names the clip in the package')
  const report = readFileSync(join(unpacked, 'report.html'), 'utf8')
  t.match(report, `${whole.place.floor} 层`)
  t.notMatch(report, /(src|href)="(?!data:)/, 'the report loads nothing')

  const birdsSeen = async () => {
    const metrics = await (
      await fetch(`${app.url}/metrics`, { headers: { authorization: `Bearer ${metricsToken}` } })
    ).text()
    // A busy machine drops pictures; those that were looked at and those that were not make up the clip.
    const counts = [...metrics.matchAll(/gridgate_facade_frames\{camera="west",outcome="\w+"\} (\d+)/g)]
    return counts.reduce((sum, [, count]) => sum + Number(count), 0) > 250
  }
  await until('the birds were looked at', birdsSeen, 120_000, 500)
  const all = await alarms()
  t.same(
    all.map(({ source }) => source.id),
    ['east'],
    'one alarm for the throw, none for the birds',
  )
})
