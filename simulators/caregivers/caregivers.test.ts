import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { startCaregivers } from './caregivers.ts'

async function eventually(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !condition(); ) {
    if (Date.now() > end) throw new Error('waited in vain')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

t.test('a caregiver follows the link, answers, arrives and resolves; a silent one does nothing', async (t) => {
  const forms: string[] = []
  const page = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      if (request.method === 'POST') forms.push(body)
      response.writeHead(request.method === 'POST' ? 303 : 200, { location: request.url }).end()
    })
  })
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve))
  const link = `http://127.0.0.1:${(page.address() as AddressInfo).port}/answer/token.signature`
  const caregivers = await startCaregivers({
    caregivers: [{ id: 'a' }, { id: 'b', answersAfterMs: 5, arrivesAfterMs: 5, resolvesAfterMs: 5 }],
  })
  t.teardown(async () => {
    await caregivers.stop()
    page.close()
  })
  const post = (path: string, body: object) =>
    fetch(caregivers.url + path, { method: 'POST', body: JSON.stringify(body) })
  await post('/', { topic: 'a', title: 'SOS', message: `press ${link}` })
  await post('/hook', { to: 'b', person: 'b', messages: [{ title: 'SOS', text: 'come', link }] })
  await eventually(() => caregivers.pressed.length === 3)
  t.same(forms, ['action=answered', 'action=arrived', 'action=resolved'])
  t.same(
    caregivers.received.map(({ to, links }) => [to, links]),
    [
      ['a', [link]],
      ['b', [link]],
    ],
  )
  t.match(caregivers.pressed, [{ caregiver: 'b', status: 303 }, {}, {}])
  t.equal((await fetch(caregivers.url, { method: 'POST', body: 'no json' })).status, 400)
})
