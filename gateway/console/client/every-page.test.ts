import t from 'tap'
import { everyPage } from './every-page.ts'

/** A gateway with so many items, newest first. */
function gatewayWith(count: number) {
  const asked: string[] = []
  const get = async <T>(path: string): Promise<T> => {
    asked.push(path)
    const query = new URL(path, 'http://gateway').searchParams
    const from = Number(query.get('before') ?? 0)
    const to = Math.min(count, from + Number(query.get('limit')))
    const items = Array.from({ length: to - from }, (_, n) => from + n)
    return { items, ...(to < count ? { nextBefore: `${to}` } : {}) } as T
  }
  return { asked, get }
}

t.test('the oldest of 1,200 open alarms is shown like the newest', async (t) => {
  const { get, asked } = gatewayWith(1200)
  const all = await everyPage<number>(get, '/alarms?active=true')
  t.equal(all.length, 1200)
  t.equal(all.at(-1), 1199)
  t.same(asked, [
    '/alarms?active=true&limit=500',
    '/alarms?active=true&limit=500&before=500',
    '/alarms?active=true&limit=500&before=1000',
  ])
})

t.test('a list without an end does not keep the console waiting for ever', async (t) => {
  const { get, asked } = gatewayWith(Number.POSITIVE_INFINITY)
  t.equal((await everyPage<number>(get, '/alarms?active=true')).length, 10_000)
  t.equal(asked.length, 20)
})
