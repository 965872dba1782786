import t from 'tap'
import { canonicalJson } from './canonical-json.ts'

t.test('equal values give equal text, whatever the order of their keys', async (t) => {
  t.equal(canonicalJson({ b: [{ d: 1, c: '电梯' }], a: null }), '{"a":null,"b":[{"c":"电梯","d":1}]}')
  t.equal(canonicalJson({ a: null, b: [{ c: '电梯', d: 1 }] }), canonicalJson({ b: [{ d: 1, c: '电梯' }], a: null }))
  t.equal(canonicalJson({ 10: 1, 9: 2, a: 3 }), '{"10":1,"9":2,"a":3}')
})

t.test('what is read back gives the same text again', async (t) => {
  const value = {
    text: 'quote " back \\ line \n \u2028 \ud800',
    numbers: [0, -0, 1.5, 1e300, Number.NaN, 2 ** 53],
    nothing: undefined,
    call: () => 1,
    list: [undefined, () => 1, true],
    date: new Date(0),
    empty: [{}, [], ''],
  }
  const text = canonicalJson(value)
  t.strictSame(JSON.parse(text), JSON.parse(JSON.stringify(value)))
  t.equal(canonicalJson(JSON.parse(text)), text)
  t.equal(canonicalJson(undefined), 'null')
})
