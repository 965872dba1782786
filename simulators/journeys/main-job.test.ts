import t from 'tap'
import { until } from '../../gateway/testing/until.ts'
import { compoundFor, eBikeIsTalkedOut } from './main-job.ts'

t.test('an e-bike is pushed into a lift: it is talked out, seen, recorded, and the city closes the case', (t) =>
  eBikeIsTalkedOut(t),
)

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
