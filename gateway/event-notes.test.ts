import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { createEventNotes } from './event-notes.ts'
import { openStore } from './storage/store.ts'
import { until } from './testing/until.ts'

t.test('a thousand devices that come back at once are one write, in order, and none is forgotten', async (t) => {
  const store = openStore({ file: join(t.testdir(), 'gridgate.db'), now: Date.now, logger: pino({ level: 'silent' }) })
  t.teardown(() => store.close())
  let writes = 0
  const notes = createEventNotes({
    store: {
      transact(work) {
        writes++
        return store.transact(work)
      },
    },
    onError: (error) => t.fail(String(error)),
  })
  const row = (n: number) => ({
    topic: 'event' as const,
    at: n + 1,
    subject: `device-${n}`,
    transition: 'device-up',
    actor: { type: 'system' as const, id: 'gateway' },
    data: {},
  })
  for (let n = 0; n < 1000; n++) notes.note(row(n))
  await until('they are written', () => store.lastSeq === 1000)
  t.equal(writes, 1)
  t.strictSame(
    store.journal({ after: 0, limit: 1000 }).map(({ subject }) => subject),
    Array.from({ length: 1000 }, (_, n) => `device-${n}`),
  )
  notes.note(row(1000))
  notes.flush()
  t.equal(store.lastSeq, 1001, 'nor what waits when the gateway stops')
})
