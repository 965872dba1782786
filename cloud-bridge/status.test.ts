import { pino } from 'pino'
import t, { type Test } from 'tap'
import { systemClock } from '../gateway/core/clock.ts'
import { openDatabase } from './database.ts'
import { createInbox } from './inbox.ts'
import { createOutbox } from './outbox.ts'
import { createReachability } from './reachability.ts'
import { createPoller } from './status.ts'
import type { Upstream } from './upstream.ts'

const log = pino({ enabled: false })

/** A poller of a platform that has more, always, behind the cursors it is given here. */
function pollerOf(t: Test, cursorOf: (poll: number) => string) {
  const database = openDatabase(t.testdir())
  t.teardown(() => database.close())
  database.prepare('INSERT INTO upstream (name) VALUES (?)').run('street')
  const seen = { polls: 0 }
  const poll: Upstream['poll'] = async () => {
    seen.polls += 1
    return { events: [], cursor: cursorOf(seen.polls), hasMore: true }
  }
  const poller = createPoller({
    upstream: { name: 'street', kind: 'test', poll } as Partial<Upstream> as Upstream,
    inbox: createInbox(database),
    outbox: createOutbox(database),
    watch: createReachability(log, 'street', Date.now),
    clock: systemClock,
    random: Math.random,
    backoff: { minMs: 1, maxMs: 1 },
    stream: 's',
    pollMs: 1,
    onEvents: () => undefined,
    onUnreadable: () => undefined,
  })
  return { poller, seen }
}
const signal = new AbortController().signal

t.test('a platform that says there is more, but stays where it is, is not asked again without a pause', async (t) => {
  const { poller, seen } = pollerOf(t, () => 'here')
  await poller.runOnce(signal)
  t.equal(seen.polls, 2, 'once to come here, once to see that it goes no further')
  await poller.runOnce(signal)
  t.equal(seen.polls, 3)
})

t.test('a platform that never comes to an end is asked in portions', async (t) => {
  const { poller, seen } = pollerOf(t, (poll) => `cursor-${poll}`)
  await poller.runOnce(signal)
  t.equal(seen.polls, 100)
})
