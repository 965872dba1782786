import type { Test } from 'tap'
import { until } from '../../gateway/testing/until.ts'
import type { CompoundOptions } from '../compound.ts'
import { logIn } from '../console-client.ts'
import { fastPlatform, journeyCompound } from './journey-compound.ts'

export interface AlarmView {
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

/** One compound with fast people at the platform, seen by its admin. */
export async function compoundFor(t: Test, more: Partial<CompoundOptions> = {}) {
  const { compound } = await journeyCompound(t, {
    devices: 10,
    reportEveryMs: 1000,
    platformBehaviour: fastPlatform,
    ...more,
  })
  const client = await logIn(compound.consoleUrl, 'admin', compound.firstPassword!)
  const alarms = async () => (await client.get<{ items: AlarmView[] }>('/alarms')).items
  return { compound, client, alarms }
}

/**
 * The main job from the picture in the cab to the case that the city has closed.
 * @param film what the cab's camera sees; the e-bike comes in `entersAfterMs` after its first picture
 */
export async function eBikeIsTalkedOut(
  t: Test,
  options: Partial<CompoundOptions> = {},
  film = { clip: 'e-bike', entersAfterMs: 0 },
) {
  const { compound, client, alarms } = await compoundFor(t, options)
  const live: string[] = []
  const stopWatching = await client.watch(({ entry }) => {
    if (entry) live.push(`${entry.topic} ${entry.transition}`)
  })
  t.teardown(stopWatching)
  const shownAt = Date.now()
  await compound.stage.show('b1-lift-cam', film.clip)
  const [alarm] = await until('the alarm is on the console', async () => {
    const list = await alarms()
    return list.length > 0 && list
  })
  t.equal(alarm?.kind, 'ebike_in_elevator')
  t.ok(Date.parse(alarm!.raisedAt) >= shownAt + film.entersAfterMs, 'not before the e-bike came in')
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
  return { client }
}
