import t from 'tap'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { sampleCase, system } from '../storage/testing/sample-rows.ts'
import { apiStarter, bridgeToken, eventually } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })
type Scene = Awaited<ReturnType<typeof start>>

const append = (scene: Scene, topic: 'event' | 'audit') =>
  scene.store.transact((transaction) =>
    transaction.append({ topic, at: 1, subject: 's', transition: 'happened', actor: system, data: {} }),
  )
const seqs = (page: { entries: Array<{ seq: number }> }) => page.entries.map((entry) => entry.seq)

t.test('the journal is read from a cursor, in pages, by topic', async (t) => {
  const scene = await start(t)
  for (const topic of ['event', 'audit', 'event', 'event'] as const) append(scene, topic)
  const current = sampleCase()
  scene.store.transact((transaction) => transaction.putCase(current, { type: 'opened', at: 1 }, system))
  const read = async (query: string) => (await scene.bridge({ url: `/api/v1/journal?${query}` })).json()
  t.same(seqs(await read('after=1&limit=2')), [2, 3])
  t.same(seqs(await read('topics=audit,case')), [2, 5])
  t.equal((await read('topics=audit,case')).lastSeq, 5)
  t.match((await read('topics=case')).entries[0].data, {
    case: { id: 'case-1', isOpen: true, openedAt: '2026-03-01T00:00:00.000Z' },
    transition: { type: 'opened', at: '1970-01-01T00:00:00.001Z' },
  })
  t.equal((await scene.bridge({ url: '/api/v1/journal?topics=gossip' })).statusCode, 400)
  t.equal((await scene.bridge({ url: '/api/v1/journal?waitMs=60000' })).statusCode, 400)
})

t.test('a reader waits for the next entry of its topic and is told at once', async (t) => {
  const scene = await start(t)
  const headers = { authorization: `Bearer ${bridgeToken}` }
  let isAnswered = false
  const polling = fetch(`${scene.url}/api/v1/journal?after=0&waitMs=20000&topics=event`, { headers }).then((answer) => {
    isAnswered = true
    return answer.json() as Promise<{ entries: Array<{ seq: number }>; lastSeq: number }>
  })
  const other = await scene.bridge({ url: '/api/v1/journal?after=0&waitMs=1&topics=event' })
  t.same(other.json(), { entries: [], lastSeq: 0 }, 'time is up: nothing')
  append(scene, 'audit')
  await scene.bridge({ url: '/health' })
  t.notOk(isAnswered, 'another topic is nothing to it')
  append(scene, 'event')
  t.same(seqs(await polling), [2])
})

t.test('a reader that goes away leaves its place to others', async (t) => {
  const scene = await start(t, { limits: { maxWaiting: 1 } })
  const headers = { authorization: `Bearer ${bridgeToken}` }
  const url = `${scene.url}/api/v1/journal?after=0&waitMs=20000`
  const leaving = new AbortController()
  const first = fetch(url, { headers, signal: leaving.signal })
  const waiting = async (count: number) =>
    (await scene.bridge({ url: '/metrics' })).body.includes(`journal_readers_waiting ${count}\n`)
  const probe = async () => (await scene.bridge({ url: '/api/v1/journal?after=0&waitMs=1' })).statusCode
  await eventually(() => waiting(1), 'the first reader')
  t.equal(await probe(), 429, 'the only place is taken')
  leaving.abort()
  await t.rejects(first)
  await eventually(() => waiting(0), 'its leaving')
  t.equal(await probe(), 200, 'and free again')
})
