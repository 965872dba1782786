import t from 'tap'
import type { FallReport } from '../../core/acceleration.ts'
import { createFallWatch } from './fall-watch.ts'
import type { FallModel } from './model.ts'

const start = 1_700_000_000_000
const model: FallModel = {
  ...{ model: 'constant 1', position: 'wrist', triggerG: 1.4, threshold: 0.5 },
  score: async () => 0.9,
  close: async () => {},
}
/** Upright, a blow at 5 s, then lying still. */
const fall = (s: number) => (s < 5 ? [0, 0, 1] : s < 5.06 ? [3, 2, 3] : [1, 0.002 * Math.sin(40 * s), 0.02])

interface Lived {
  reports: FallReport[]
  watch: ReturnType<typeof createFallWatch>
}

/** A band sends half a second at a time; its clock is `bandAheadMs` before the gateway's. */
async function live(device: string, untilS: number, { bandAheadMs = 0, clockTrusted = true } = {}): Promise<Lived> {
  const reports: FallReport[] = []
  let clock = start
  const watch = createFallWatch({
    modelOf: (id) => (id.startsWith('band') ? model : undefined),
    onFall: (report) => reports.push(report),
    onError: (error) => t.fail(String(error)),
    now: () => clock,
  })
  for (let s = 0; s < untilS; s += 0.5) {
    const seconds = Array.from({ length: 25 }, (_, i) => s + i / 50)
    clock = start + (s + 0.5) * 1000
    const times = seconds.map((each) => start + each * 1000 + bandAheadMs)
    watch.add(device, { times, values: seconds.flatMap(fall) }, clockTrusted)
    watch.tick()
    await new Promise((done) => setImmediate(done))
  }
  return { reports, watch }
}

t.test('a fall is told at the decision and again with what the seconds after it showed', async (t) => {
  const { reports, watch } = await live('band-1', 35)
  t.equal(reports.length, 2)
  const [first, second] = reports
  t.ok(Math.abs(first!.impactAt - (start + 5000)) < 200, 'where it was')
  t.equal(first!.evidence, undefined)
  t.equal(second!.impactAt, first!.impactAt)
  t.equal(second!.evidence?.verdict, 'supports')
  t.match(watch.stats(), { bands: 1, falls: 1, unusedBatches: 0, droppedBatches: 0 })
})

t.test('a band whose clock is minutes off tells the fall in the time of everybody else', async (t) => {
  const { reports } = await live('band-1', 10, { bandAheadMs: -4 * 60_000 })
  t.equal(reports.length, 1)
  t.ok(Math.abs(reports[0]!.impactAt - (start + 5000)) < 1200)
})

t.test('samples that are told again, and those of other devices, are counted and judged by nobody', async (t) => {
  const replayed = await live('band-1', 10, { clockTrusted: false })
  t.same(replayed.reports, [])
  t.match(replayed.watch.stats(), { bands: 0, unusedBatches: 20 })
  const door = await live('door', 10)
  t.match(door.watch.stats(), { bands: 0, unusedBatches: 20 })
})
