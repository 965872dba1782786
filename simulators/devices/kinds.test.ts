import t from 'tap'
import { describeMetric, deviceKinds } from '../../gateway/core/device-kind.ts'
import { codecs } from '../../gateway/devices/codecs/index.ts'
import { dialectOf } from './dialects.ts'
import { kinds } from './kinds.ts'

t.test('every kind of device a site may name is simulated', async (t) => {
  t.same(Object.keys(kinds).sort(), Object.keys(deviceKinds).sort())
})

t.test('what simulated devices say on a quiet day and when something happens, the gateway understands', async (t) => {
  for (const kind of Object.keys(kinds)) t.same(misunderstood(kind as keyof typeof kinds), [], kind)
})

/** What of a kind's messages, in two dialects, was not read as it was meant, or lies outside the metric's range. */
function misunderstood(kind: keyof typeof kinds): string[] {
  const { quiet, incidents } = kinds[kind]!
  const problems: string[] = []
  for (const nth of [0, 1]) {
    const dialect = dialectOf(kind, nth)
    const codec = codecs.find((each) => each.kind === dialect.codec)!
    const days = Array.from({ length: 20 }, (_, turn) => quiet(turn * 37, () => turn / 20))
    for (const values of [...days, ...Object.values(incidents)]) {
      const payload = Buffer.from(dialect.encode(values, new Date(0)))
      const decoded = codec.decode(
        { topic: 'zigbee2mqtt/x', payload, isRetained: false, receivedAt: 0 },
        { base: 'zigbee2mqtt', own: { kind, options: {} }, find: () => undefined },
      )
      if ('notUnderstood' in decoded) {
        problems.push(`${dialect.codec}: ${decoded.notUnderstood.reason}`)
        continue
      }
      const said = decoded.reports[0]!.readings ?? []
      for (const [metric, value] of Object.entries(values))
        if (!said.some((reading) => reading.metric === metric && reading.value === value))
          problems.push(`${dialect.codec}: ${metric} is not ${value}`)
      for (const { metric, value } of said) {
        const [least, most] = describeMetric(metric)?.range ?? [0, 0]
        if (typeof value === 'number' && !(value >= least && value <= most))
          problems.push(`${metric} ${value} is not from ${least} to ${most}`)
      }
    }
  }
  return problems
}
