import t from 'tap'
import { startCompound } from '../compound.ts'
import { logIn } from '../console-client.ts'
import { freePorts } from '../ports.ts'
import { until } from './until.ts'

interface AlarmView {
  id: string
  kind: string
  count: number
  isActive: boolean
  state: string
  caseId?: string
  place: { lift: string }
  evidence: Array<{ id: string; type: string; fromAt: string; toAt: string; sha256: string }>
  warnings: Array<{ clip: string; isDelivered: boolean }>
  raisedAt: string
}

/** One compound with fast people at the platform, so that a whole case fits into a test. */
async function compoundFor(t: Tap, more: object = {}) {
  const [http, mqtt, bridge, platform, rtsp, rtp] = await freePorts(6)
  const compound = await startCompound({
    dir: t.testdir(),
    lifts: 1,
    devices: 10,
    ports: { http: http!, mqtt: mqtt!, bridge: bridge!, platform: platform!, rtsp: rtsp!, rtp: rtp! & ~1 },
    reportEveryMs: 1000,
    platformBehaviour: { delaysMs: { file: 50, dispatch: 50, accept: 50, handle: 100, verify: 50, close: 50 } },
    ...more,
  })
  t.teardown(() => compound.stop())
  const client = await logIn(compound.consoleUrl, 'admin', compound.firstPassword!)
  const alarms = async () => (await client.get<{ items: AlarmView[] }>('/alarms')).items
  return { compound, client, alarms }
}
type Tap = { testdir(): string; teardown(work: () => unknown): unknown }

t.test('an e-bike is pushed into a lift: it is talked out, seen, recorded, and the city closes the case', async (t) => {
  const { compound, client, alarms } = await compoundFor(t)
  const live: string[] = []
  const stopWatching = await client.watch(({ entry }) => {
    if (entry) live.push(`${entry.topic} ${entry.transition}`)
  })
  t.teardown(stopWatching)
  await compound.stage.show('b1-lift-cam', 'e-bike')
  const [alarm] = await until('the alarm is on the console', async () => {
    const list = await alarms()
    return list.length > 0 && list
  })
  t.equal(alarm?.kind, 'ebike_in_elevator')
  await until('the console heard of it live', () => live.includes('alarm raised'))

  const speaker = compound.speakers.get('b1-lift')!
  await until(
    'a whole sentence was heard in the lift',
    () => speaker.heard.reduce((sum, { durationMs }) => sum + durationMs, 0) > 1500,
  )
  t.ok(speaker.heard[0]!.lost <= speaker.heard[0]!.packets * 0.05, 'hardly a packet is missing on a busy machine')

  const done = await until(
    'snapshot and clip are kept',
    async () => {
      const one = await client.get<AlarmView>(`/alarms/${alarm!.id}`)
      return one.evidence.length >= 2 && one
    },
    60_000,
  )
  const clip = done.evidence.find(({ type }) => type === 'clip')!
  t.ok(clip.fromAt < done.raisedAt && clip.toAt > done.raisedAt, 'the clip contains the event')
  const { type, bytes } = await client.file(`/evidence/${clip.id}`)
  t.equal(type, 'video/mp4')
  t.ok(bytes.length > 10_000)
  t.ok(done.warnings.some(({ isDelivered }) => isDelivered))

  const closed = await until(
    'the platform has closed the case and its status has come back',
    async () => {
      const one = await client.get<{ state: string; history: Array<{ to: string }> }>(`/cases/${done.caseId}`)
      return one.state === 'closed' && one
    },
    60_000,
  )
  t.same(
    closed.history.map(({ to }) => to),
    ['reported', 'filed', 'dispatched', 'accepted', 'handling', 'handled', 'verified', 'closed'],
  )
  t.equal(compound.platform.ledger().cases.length, 1)
  const acknowledged = await client.post<AlarmView>(`/alarms/${done.id}/acknowledge`)
  t.match(acknowledged.state, /acknowledged|normal/)
  await until('the e-bike has gone and the alarm is cleared', async () => !(await alarms())[0]!.isActive, 60_000)
  t.equal((await alarms()).length, 1, 'one entry, one alarm')
})

t.test('a person, a bicycle and a stroller are left in peace', async (t) => {
  const { compound, alarms } = await compoundFor(t)
  for (const clip of ['person', 'bicycle', 'stroller']) {
    await compound.stage.show('b1-lift-cam', clip)
    // The clip plays once in real time; nothing can be waited for but its end.
    await new Promise((resolve) => setTimeout(resolve, 26_000))
    t.same(await alarms(), [], clip)
  }
})

t.test('a second start on the same data goes on where the first was', async (t) => {
  const { compound, client } = await compoundFor(t)
  await compound.stage.show('b1-lift-cam', 'e-bike')
  await until('an alarm is raised', async () => (await client.get<{ items: unknown[] }>('/alarms')).items.length > 0)
  const before = await client.get<{ lastSeq: number }>('/journal?after=0&limit=1')
  compound.gateway.kill()
  await compound.gateway.untilReady()
  const after = await until('the console can ask again', () =>
    client.get<{ lastSeq: number }>('/journal?after=0&limit=1').catch(() => undefined),
  )
  t.ok(after.lastSeq >= before.lastSeq, 'the session and the journal survived kill -9')
})
