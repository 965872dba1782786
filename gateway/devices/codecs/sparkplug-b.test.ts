import t from 'tap'
import type { Decoded, Understood } from './codec.ts'
import { sparkplugB } from './sparkplug-b.ts'
import { readSparkplug } from './sparkplug-payload.ts'

/* Payloads written field by field as sparkplug_b.proto of the specification numbers them. */

const varint = (value: number | bigint): number[] => {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return [...bytes, Number(rest)]
}
const bytesField = (field: number, bytes: ArrayLike<number>) => [
  ...varint((field << 3) | 2),
  ...varint(bytes.length),
  ...Array.from(bytes),
]
const numberField = (field: number, value: number | bigint) => [...varint(field << 3), ...varint(value)]
const text = (field: number, value: string) => bytesField(field, new TextEncoder().encode(value))
const double = (value: number) => [...varint((13 << 3) | 1), ...new Uint8Array(new Float64Array([value]).buffer)]
const float = (value: number) => [...varint((12 << 3) | 5), ...new Uint8Array(new Float32Array([value]).buffer)]
const payload = (seq: number | undefined, ...metrics: number[][]) =>
  Uint8Array.from([
    ...numberField(1, at),
    ...metrics.flatMap((metric) => bytesField(2, metric)),
    ...(seq === undefined ? [] : numberField(3, seq)),
  ])

const at = Date.parse('2026-01-31T08:00:00Z')
const bdSeq = (value: number) => [...text(1, 'bdSeq'), ...numberField(4, 4), ...numberField(11, value)]

function host() {
  const decode = sparkplugB.createSession!()
  let now = at
  return {
    pass: (ms: number) => {
      now += ms
    },
    hear(topic: string, bytes: Uint8Array, isRetained = false): Understood & { notUnderstood?: string } {
      const decoded: Decoded = decode(
        { topic: `spBv1.0/riverside/${topic}`, payload: bytes, isRetained, receivedAt: now },
        { base: 'spBv1.0', find: () => ({ kind: 'climate', options: {} }) },
      )
      return decoded as Understood
    },
  }
}
const valuesOf = ({ reports }: Understood) =>
  reports.map(({ address, readings, isUp }) => ({
    address,
    ...(isUp === undefined ? {} : { isUp }),
    ...Object.fromEntries((readings ?? []).map(({ metric, value }) => [metric, value])),
  }))

t.test('a node is born with its devices, speaks by aliases, and dies with all of them', async (t) => {
  const { hear } = host()
  hear('NBIRTH/edge', payload(0, bdSeq(7)))
  const born = hear(
    'DBIRTH/edge/pump',
    payload(
      1,
      [...text(1, 'Inputs/temperatureCelsius'), ...numberField(2, 1), ...numberField(4, 10), ...double(21.5)],
      [...text(1, 'Inputs/humidity'), ...numberField(2, 2), ...numberField(4, 9), ...float(48.2)],
    ),
  )
  t.same(valuesOf(born), [
    { address: 'riverside/edge/pump', isUp: true, temperatureCelsius: 21.5, humidityPercent: 48.2 },
  ])
  const data = hear('DDATA/edge/pump', payload(2, [...numberField(2, 1), ...numberField(4, 10), ...double(60)]))
  t.same(valuesOf(data), [{ address: 'riverside/edge/pump', temperatureCelsius: 60 }])
  t.equal(data.commands, undefined)
  t.same(hear('NDEATH/edge', payload(undefined, bdSeq(6))).reports, [], 'a death of an older session is none')
  t.same(valuesOf(hear('NDEATH/edge', payload(undefined, bdSeq(7)))), [
    { address: 'riverside/edge', isUp: false },
    { address: 'riverside/edge/pump', isUp: false },
  ])
})

t.test('a birth tells how things are now, though the temperature has not changed for an hour', async (t) => {
  const { hear } = host()
  hear('NBIRTH/edge', payload(0, bdSeq(1)))
  const isSmoke = [...text(1, 'isSmoke'), ...numberField(3, at), ...numberField(4, 11), ...numberField(14, 1)]
  const hourAgo = at - 3_600_000
  const temperature = [
    ...text(1, 'temperatureCelsius'),
    ...numberField(3, hourAgo),
    ...numberField(4, 10),
    ...double(20),
  ]
  t.match(hear('DBIRTH/edge/hall', payload(1, isSmoke, temperature)).reports, [
    {
      deviceAt: at,
      isUp: true,
      readings: [
        { metric: 'isSmoke', value: true },
        { metric: 'temperatureCelsius', value: 20 },
      ],
    },
  ])
})

t.test('smoke of half an hour ago, kept while the link was down, is history; the warmth of now is not', async (t) => {
  const { hear } = host()
  hear('NBIRTH/edge', payload(0, bdSeq(1)))
  hear('DBIRTH/edge/hall', payload(1))
  const before = at - 1_800_000
  const kept = [
    ...text(1, 'isSmoke'),
    ...numberField(3, before),
    ...numberField(4, 11),
    ...numberField(5, 1),
    ...numberField(14, 1),
  ]
  const live = [...text(1, 'temperatureCelsius'), ...numberField(3, at), ...numberField(4, 10), ...double(20)]
  t.same(hear('DDATA/edge/hall', payload(2, live, kept)).reports, [
    {
      address: 'riverside/edge/hall',
      deviceAt: before,
      isStored: true,
      readings: [{ metric: 'isSmoke', value: true }],
    },
    { address: 'riverside/edge/hall', deviceAt: at, readings: [{ metric: 'temperatureCelsius', value: 20 }] },
  ])
})

t.test('each value of a message keeps the instant at which it was taken', async (t) => {
  const { hear } = host()
  hear('NBIRTH/edge', payload(0, bdSeq(1)))
  const isSmoke = [...text(1, 'isSmoke'), ...numberField(3, at), ...numberField(4, 11), ...numberField(14, 1)]
  const earlier = at - 3_600_000
  const late = [...text(1, 'temperatureCelsius'), ...numberField(3, earlier), ...numberField(4, 10), ...double(20)]
  t.match(hear('NDATA/edge', payload(1, isSmoke, late)).reports, [
    { deviceAt: earlier, readings: [{ metric: 'temperatureCelsius' }] },
    { deviceAt: at, readings: [{ metric: 'isSmoke', value: true }] },
  ])
})

t.test('a lost message is noticed, values with names go on, and a rebirth is asked for once a minute', async (t) => {
  const { hear, pass } = host()
  const named = [...text(1, 'temperatureCelsius'), ...numberField(4, 10), ...double(20)]
  hear('NBIRTH/edge', payload(0, bdSeq(1)))
  const gap = hear('NDATA/edge', payload(2, named))
  t.same(valuesOf(gap), [{ address: 'riverside/edge', temperatureCelsius: 20 }])
  t.equal(gap.commands?.[0]?.topic, 'spBv1.0/riverside/NCMD/edge')
  t.match(readSparkplug(gap.commands![0]!.payload), {
    timestamp: at,
    metrics: [{ name: 'Node Control/Rebirth', value: true }],
  })
  t.equal(hear('NDATA/edge', payload(3, named)).commands, undefined, 'no storm of requests')
  pass(60_000)
  t.equal(hear('NDATA/edge', payload(4, named)).commands?.length, 1, 'still no birth: asked again')
  hear('NBIRTH/edge', payload(0, bdSeq(2)))
  t.equal(hear('NDATA/edge', payload(1, named)).commands, undefined)
  for (let seq = 2; seq <= 255; seq++) hear('NDATA/edge', payload(seq, named))
  t.equal(hear('NDATA/edge', payload(0, named)).commands, undefined, 'after 255 comes 0')
})

t.test('after a restart of ours nothing is guessed: aliases without a birth are left out and asked for', async (t) => {
  const { hear } = host()
  const first = hear('DDATA/edge/pump', payload(9, [...numberField(2, 1), ...numberField(4, 10), ...double(60)]))
  t.same(valuesOf(first), [{ address: 'riverside/edge/pump' }])
  t.match(first.remark, { reason: /no birth declared/, phrase: { key: 'alias-undeclared', node: 'riverside/edge' } })
  t.equal(first.commands?.length, 1)
  t.match(hear('NBIRTH/edge', payload(0, bdSeq(1)), true), { notUnderstood: { reason: /must not be retained/ } })
})

t.test('numbers keep their sign, nulls say nothing, rubbish is answered', async (t) => {
  const { hear } = host()
  const signed = [...text(1, 'temperatureCelsius'), ...numberField(4, 3), ...numberField(10, 0xff_ff_ff_f6)]
  const isNull = [...text(1, 'humidityPercent'), ...numberField(4, 10), ...numberField(7, 1)]
  t.same(valuesOf(hear('NBIRTH/edge', payload(0, signed, isNull))), [
    { address: 'riverside/edge', isUp: true, temperatureCelsius: -10 },
  ])
  for (const bytes of [[0x12, 200], [0x0a], [0x17], Array(20).fill(0xff)])
    t.match(hear('NDATA/edge', Uint8Array.from(bytes)), { notUnderstood: { reason: /Sparkplug B payload/ } })
  t.match(hear('XDATA/edge', payload(0)), { notUnderstood: { reason: /no Sparkplug message type/ } })
})
