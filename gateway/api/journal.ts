import { Gauge } from 'prom-client'
import { type Static, Type } from 'typebox'
import type { JournalEntry, JournalTopic } from '../core/journal.ts'
import { staffAndBridge, whoOf } from './access.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiLimits, ApiOptions } from './options.ts'
import { tooMany } from './problem.ts'
import { entryWithoutPerson } from './redact.ts'
import { entryToWire, JournalPage, journalTopics, maxJournalWaitMs } from './schemas/index.ts'

const topic = `(${journalTopics.join('|')})`

const Query = Type.Object({
  after: Type.Integer({ minimum: 0, default: 0, description: 'the cursor: last seq seen' }),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 200 }),
  topics: Type.Optional(Type.String({ pattern: `^${topic}(,${topic})*$`, description: 'comma-separated' })),
  waitMs: Type.Integer({ minimum: 0, maximum: maxJournalWaitMs, default: 0 }),
})

/** `/journal`: everything that happened, from a cursor; waits for the next where nothing is newer. */
export function journalRoutes(app: ApiApp, { store, metrics }: ApiOptions, limits: ApiLimits): void {
  const stopping = new AbortController()
  let waiting = 0
  app.addHook('preClose', async () => stopping.abort())
  new Gauge({
    name: 'gridgate_api_journal_readers_waiting',
    help: 'Journal requests waiting for the next entry',
    registers: [metrics],
    collect() {
      this.set(waiting)
    },
  })

  /** Resolves with the next entry of these topics, at the latest after `waitMs` or when the signal aborts. */
  const nextEntry = (topics: readonly JournalTopic[] | undefined, waitMs: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        endAppend()
        resolve()
      }
      const endAppend = store.onAppend((entry) => {
        if (!topics || topics.includes(entry.topic)) done()
      })
      const timer = setTimeout(done, waitMs)
      signal.addEventListener('abort', done, { once: true })
    })

  app.get(
    '/journal',
    {
      config: { access: staffAndBridge },
      schema: {
        summary: 'Journal entries after a cursor',
        description:
          'At once when there are any; otherwise waits up to `waitMs` for one. `lastSeq` is the newest of all topics.',
        tags: ['journal'],
        querystring: Query,
        response: { 200: JournalPage, ...problems(429) },
      },
    },
    async (request, reply) => {
      const query = request.query as Static<typeof Query>
      const { after, limit, waitMs } = query
      const topics = query.topics?.split(',') as JournalTopic[] | undefined
      const read = (): JournalEntry[] => store.journal({ after, limit, ...(topics ? { topics } : {}) })
      let entries = read()
      if (entries.length === 0 && waitMs > 0 && !stopping.signal.aborted) {
        if (waiting >= limits.maxWaiting) throw tooMany('too many journal readers are waiting', 1000)
        const gone = new AbortController()
        reply.raw.once('close', () => gone.abort())
        waiting++
        await nextEntry(topics, waitMs, AbortSignal.any([gone.signal, stopping.signal]))
        waiting--
        entries = read()
      }
      const isBridge = whoOf(request).role === 'bridge'
      const wire = entries.map((entry) => (isBridge ? entryWithoutPerson(entryToWire(entry)) : entryToWire(entry)))
      return { entries: wire, lastSeq: store.lastSeq }
    },
  )
}
