import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { Alarm, Evidence } from '../core/alarm.ts'
import { StartError } from '../core/errors.ts'
import { createEvidenceStore, type EvidenceStoreOptions } from './evidence.ts'
import { type OpenStore, openStore } from './store.ts'
import { sampleAlarm, sampleCase, system } from './testing/sample-rows.ts'
import { verifyEvidence, verifyJournal } from './verify.ts'

const minute = 60_000
const retentionMs = 30 * 24 * 60 * minute

function open(t: Test, directory: string, options: Partial<EvidenceStoreOptions> = {}) {
  const store = openStore({ file: join(directory, 'gateway.db'), now: Date.now })
  t.teardown(() => store.close())
  const dir = join(directory, 'evidence')
  return { store, dir, evidence: createEvidenceStore({ dir, store, retentionMs, now: Date.now, ...options }) }
}

const facts = { type: 'snapshot', camera: 'camera-1', fromAt: 1, toAt: 2, contentType: 'image/jpeg' } as const

/** Records one picture for a new alarm, the whole way. */
async function record(opened: ReturnType<typeof open>, changes: Partial<Alarm> = {}): Promise<Evidence> {
  const { id, temporaryFile } = opened.evidence.reserve('alarm-1', 'snapshot', 'jpg')
  writeFileSync(temporaryFile, 'a picture')
  const evidence = await opened.evidence.commit(id, facts)
  const alarm = sampleAlarm({ id: `alarm-of-${id}`, source: { type: 'camera', id }, evidence: [evidence], ...changes })
  put(opened.store, alarm)
  return evidence
}

const put = (store: OpenStore, alarm: Alarm) =>
  store.transact((transaction) => transaction.putAlarm(alarm, { type: 'raised', alarm }, system, Date.now()))

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

t.test('a picture is moved to its day, hashed, and found again by its row', async (t) => {
  const opened = open(t, t.testdir())
  const { id, temporaryFile } = opened.evidence.reserve('alarm-1', 'snapshot', 'jpg')
  writeFileSync(temporaryFile, 'a picture')
  const evidence = await opened.evidence.commit(id, facts)
  const today = new Date(evidence.createdAt).toISOString().slice(0, 10)
  t.strictSame(evidence, {
    id,
    ...facts,
    file: `${today}/${id}.jpg`,
    bytes: 9,
    sha256: createHash('sha256').update('a picture').digest('hex'),
    createdAt: evidence.createdAt,
  })
  const path = opened.evidence.path(evidence)
  t.equal(path, join(opened.dir, evidence.file))
  t.equal(readFileSync(path ?? '', 'utf8'), 'a picture')
  t.notOk(existsSync(temporaryFile))
  t.equal(statSync(join(opened.dir, today)).mode & 0o007, 0, 'others on the machine cannot look at it')
  await t.rejects(opened.evidence.commit(id, facts), { message: /committed already/ })
})

t.test('what is not a finished recording never becomes evidence', async (t) => {
  const { evidence } = open(t, t.testdir())
  await t.rejects(evidence.commit('made-up', facts), { message: /not reserved/ })
  const empty = evidence.reserve('alarm-1', 'snapshot', 'jpg')
  writeFileSync(empty.temporaryFile, '')
  await t.rejects(evidence.commit(empty.id, facts), { message: /snapshot of alarm alarm-1 was not stored: .*empty/ })
  const missing = evidence.reserve('alarm-1', 'clip', 'mp4')
  await t.rejects(evidence.commit(missing.id, { ...facts, type: 'clip' }), { message: /clip of alarm alarm-1.*ENOENT/ })
  t.throws(() => evidence.reserve('alarm-1', 'clip', '../../etc/x'), { message: /no file extension/ })
})

t.test('a row cannot lead out of the evidence folder', async (t) => {
  const opened = open(t, t.testdir())
  const evidence = await record(opened)
  t.throws(() => opened.evidence.path({ ...evidence, file: '../gateway.db' }), { message: /lies outside/ })
  t.equal(opened.evidence.path({ ...evidence, file: '2026-01-01/gone.jpg' }), undefined)
  t.equal(opened.evidence.path({ ...evidence, deletedAt: 5 }), undefined)
})

t.test('what a recording in progress writes is not swept away, even when the clock leaps', async (t) => {
  let monotonicMs = 0
  const opened = open(t, t.testdir(), { monotonicMs: () => monotonicMs })
  const { id, temporaryFile } = opened.evidence.reserve('alarm-1', 'clip', 'mp4')
  writeFileSync(temporaryFile, 'half a clip')
  const inTenYears = Date.now() + 10 * 365 * 24 * 60 * minute
  t.strictSame(await opened.evidence.sweep(inTenYears), { orphans: 0, expired: 0 })
  const evidence = await opened.evidence.commit(id, { ...facts, type: 'clip' })
  t.strictSame(await opened.evidence.sweep(inTenYears), { orphans: 0, expired: 0 }, 'its row is about to be written')
  t.ok(opened.evidence.path(evidence))
  monotonicMs = 2 * 60 * minute
  t.strictSame(await opened.evidence.sweep(inTenYears), { orphans: 1, expired: 0 }, 'it was given up')
})

t.test('a finished file that no row names is put aside, and removed when its retention has passed', async (t) => {
  const directory = t.testdir()
  const before = open(t, directory)
  const { id, temporaryFile } = before.evidence.reserve('alarm-1', 'snapshot', 'jpg')
  writeFileSync(temporaryFile, 'a picture')
  const orphan = await before.evidence.commit(id, facts)
  const kept = await record(before)
  before.store.close()

  const after = open(t, directory)
  t.strictSame(await after.evidence.sweep(Date.now() + 9 * minute), { orphans: 0, expired: 0 }, 'within the grace')
  t.strictSame(await after.evidence.sweep(Date.now() + 11 * minute), { orphans: 1, expired: 0 })
  t.equal(after.evidence.path(orphan), undefined)
  t.ok(after.evidence.path(kept))
  const aside = join(after.dir, 'unclaimed', `${id}.jpg`)
  t.ok(existsSync(aside))
  const past = (Date.now() - retentionMs - minute) / 1000
  utimesSync(aside, past, past)
  await after.evidence.sweep(Date.now())
  t.notOk(existsSync(aside))
})

t.test('after its retention a file is removed, and row, alarm and journal say so', async (t) => {
  let now = Date.now() - 40 * 24 * 60 * minute
  const opened = open(t, t.testdir(), { now: () => now })
  const ended = { isActive: false, clearedAt: now } as const
  const old = await record(opened, ended)
  const active = await record(opened)
  const withCase = await record(opened, { ...ended, caseId: 'case-1' })
  const openCase = sampleCase({ state: 'handling' })
  opened.store.transact((transaction) => transaction.putCase(openCase, { type: 'opened', at: now }, system))
  now = Date.now()
  const young = await record(opened, ended)

  const path = opened.evidence.path(old)
  t.strictSame(await opened.evidence.sweep(now), { orphans: 0, expired: 1 })
  t.notOk(existsSync(path ?? ''))
  t.equal(opened.store.evidence(old.id)?.deletedAt, now)
  t.equal(opened.store.alarm(`alarm-of-${old.id}`)?.evidence[0]?.deletedAt, now)
  t.match(opened.store.journal({ after: 0, limit: 9, topics: ['audit'] }), [
    { subject: `alarm-of-${old.id}`, transition: 'evidence-deleted', data: { evidence: old.id, sha256: old.sha256 } },
  ])
  for (const one of [active, withCase, young]) t.ok(opened.evidence.path(one), 'still needed')

  opened.store.transact((transaction) =>
    transaction.putCase({ ...openCase, state: 'closed' }, { type: 'closed', at: now }, system),
  )
  rmSync(opened.evidence.path(withCase) ?? '')
  t.strictSame(await opened.evidence.sweep(now), { orphans: 0, expired: 1 }, 'also when somebody removed the file')
  t.strictSame(await opened.evidence.sweep(now), { orphans: 0, expired: 0 })
})

t.test('while the clock is doubted nothing is deleted for its age', async (t) => {
  let isDoubted = true
  const opened = open(t, t.testdir(), { mayDelete: () => !isDoubted })
  const evidence = await record(opened, { isActive: false })
  const inFortyDays = Date.now() + 40 * 24 * 60 * minute
  t.match(await opened.evidence.sweep(inFortyDays), { expired: 0 })
  t.ok(opened.evidence.path(evidence))
  isDoubted = false
  t.match(await opened.evidence.sweep(inFortyDays), { expired: 1 })
  t.notOk(opened.evidence.path(evidence))
})

t.test('a file that cannot be deleted does not keep the others', async (t) => {
  const opened = open(t, t.testdir())
  const stubborn = await record(opened, { isActive: false })
  const other = await record(opened, { isActive: false })
  const path = opened.evidence.path(stubborn)!
  rmSync(path)
  mkdirSync(join(path, 'not empty'), { recursive: true })
  await t.rejects(opened.evidence.sweep(Date.now() + 2 * retentionMs))
  t.notOk(opened.evidence.path(other))
  t.ok(existsSync(path))
})

t.test('killed between any two steps, every row has its whole file and every file its row', async (t) => {
  const directory = t.testdir()
  const writer = fileURLToPath(new URL('./testing/evidence-writer.ts', import.meta.url))
  const stored: string[] = []
  for (const step of ['written', 'committed', 'stored', 'any moment']) {
    const child = spawn(process.execPath, [...process.execArgv, writer, directory, step], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    const closed = new Promise((resolve) => child.once('close', resolve))
    let heard = 0
    for await (const line of createInterface({ input: child.stdout })) {
      const [said, id = ''] = line.split(' ')
      if (said === 'stored') stored.push(id)
      if (said === step || ++heard === 40) child.kill('SIGKILL')
    }
    await closed
  }

  const { store, evidence, dir } = open(t, directory, { retentionMs: Number.POSITIVE_INFINITY })
  t.ok(stored.length > 5, `${stored.length} said to be stored`)
  for (const id of stored) {
    const row = store.evidence(id)
    const content = readFileSync((row && evidence.path(row)) ?? '')
    t.equal(createHash('sha256').update(content).digest('hex'), row?.sha256, id)
  }
  t.ok(filesBelow(join(dir, 'incoming')).length > 0, 'the crash left something to clean up')
  const { orphans } = await evidence.sweep(Date.now() + 11 * minute)
  t.ok(orphans >= 2, `${orphans} left over`)
  t.strictSame(filesBelow(join(dir, 'incoming')), [])
  const unnamed = filesBelow(dir)
    .filter((file) => !file.startsWith(join(dir, 'unclaimed')))
    .filter((file) => !store.evidenceRows.isNamed(file.slice(dir.length + 1)))
  t.strictSame(unnamed, [])
  t.equal(verifyJournal(join(directory, 'gateway.db')).brokenSeq, undefined)
})

t.test('a file that somebody changed or took away is found out, what retention removed is not missed', async (t) => {
  const directory = t.testdir()
  const opened = open(t, directory)
  const [kept, changed, taken, removed] = [
    await record(opened),
    await record(opened),
    await record(opened),
    await record(opened),
  ]
  const check = () => verifyEvidence(join(directory, 'gateway.db'), opened.dir)
  t.strictSame(await check(), { files: 4, damaged: [] })
  writeFileSync(join(opened.dir, changed.file), 'another picture')
  rmSync(join(opened.dir, taken.file))
  opened.store.evidenceRows.markDeleted(removed.id, Date.now())
  const { files, damaged } = await check()
  t.equal(files, 3)
  t.strictSame(
    new Set(damaged),
    new Set([
      { id: changed.id, file: changed.file, what: 'changed' },
      { id: taken.id, file: taken.file, what: 'missing' },
    ]),
  )
  t.notOk(damaged.some(({ id }) => id === kept.id))
})

t.test('a folder that cannot be written is named at the start', async (t) => {
  const directory = t.testdir({ occupied: 'a file' })
  const { store } = open(t, directory)
  const dir = join(directory, 'occupied', 'evidence')
  t.throws(() => createEvidenceStore({ dir, store, retentionMs, now: Date.now }), StartError)
})
