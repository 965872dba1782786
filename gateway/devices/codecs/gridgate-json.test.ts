import t from 'tap'
import { gridgateJson } from './gridgate-json.ts'

const route = { base: '', find: () => undefined }
const receivedAt = Date.parse('2026-01-31T08:00:05Z')
const read = (payload: Uint8Array) =>
  gridgateJson.decode({ topic: 'site/s/d/up', payload, isRetained: false, receivedAt }, route)
const decode = (text: string) => read(new TextEncoder().encode(text))

t.test('numbers, switches and words arrive as readings, with the device time if it has one', async (t) => {
  t.same(decode('{"at":"2026-01-31T08:00:00Z","values":{"temperatureCelsius":21.5,"isOpen":true,"state":"idle"}}'), {
    reports: [
      {
        readings: [
          { metric: 'temperatureCelsius', value: 21.5 },
          { metric: 'isOpen', value: true },
          { metric: 'state', value: 'idle' },
        ],
        deviceAt: Date.parse('2026-01-31T08:00:00Z'),
      },
    ],
  })
  t.same(decode('{"values":{}}'), { reports: [{ readings: [] }] })
})

t.test('rubbish is answered with what was expected, never with a crash', async (t) => {
  for (const text of [
    '',
    'null',
    '[]',
    '{"values":[1]}',
    '{"values":{"a b":1}}',
    '{"values":{"__proto__":{"x":1}}}',
    '{"values":{"x":null}}',
    '{"at":"yesterday","values":{}}',
    `{"values":{"x":"${'y'.repeat(300)}"}}`,
    `{"values":{${Array.from({ length: 65 }, (_, index) => `"m${index}":1`).join()}}}`,
    '{"at":1e400,"values":{}}',
  ])
    t.match(decode(text), { notUnderstood: { reason: String, phrase: { key: String } } }, text.slice(0, 40))
  t.match(read(new Uint8Array([0xff, 0xfe, 0])), { notUnderstood: { reason: String, phrase: { key: String } } })
})
