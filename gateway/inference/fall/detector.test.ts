import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createFallDetector, type FallDecision, type FallDetector } from './detector.ts'
import { fallEvidence } from './evidence.ts'
import { createFallModel, type FallModel, loadFallManifest } from './model.ts'

/*
 * Movements made up from formulas: enough to see that the parts work together. How good the models are is measured by
 * `npm run evaluate -- fall` on recordings of people.
 */

type Movement = (seconds: number) => [number, number, number]
const start = 1_700_000_000_000
const impactS = 8

/** A wobble that is the same in every run. */
const wobble = (s: number, g = 0.02) => g * (Math.sin(37 * s) + Math.sin(61 * s + 1) * 0.7)
const bump = (s: number, at: number, width: number) => Math.exp(-(((s - at) / width) ** 2))

/** Standing, losing balance, half weightless, a hard impact with a rebound, then lying on the side. */
const fall: Movement = (s) => {
  const lying = 1 / (1 + Math.exp(-(s - impactS + 0.2) * 9))
  const weightless = 0.65 * bump(s, impactS - 0.3, 0.16)
  const blow = 4.2 * bump(s, impactS, 0.035) - 1.2 * bump(s, impactS + 0.12, 0.04) + 1.1 * bump(s, impactS + 0.3, 0.06)
  const settling = s > impactS && s < impactS + 1 ? 0.12 * Math.sin(23 * s) : 0
  return [
    lying * (1 - weightless) + blow + wobble(s) + settling,
    0.25 * blow + wobble(s + 5) + 0.1 * lying,
    (1 - lying) * (1 - weightless) + 0.6 * blow + wobble(s + 9),
  ]
}
/** Hands clapped three times a second for six seconds, in the same posture all the time. */
const clap: Movement = (s) => {
  const beat = (s * 3) % 1
  const blow = s > 5 && s < 11 ? 3 * bump(beat, 0.5, 0.07) - 0.8 * bump(beat, 0.72, 0.09) : 0
  return [blow + wobble(s), 0.3 * blow + wobble(s + 3), 1 + wobble(s + 7)]
}
/** Sitting down on a hard chair: a dip, a bump of under 2 g, upright all the time. */
const sitDown: Movement = (s) => {
  const push = -0.25 * bump(s, impactS - 0.35, 0.2) + 0.85 * bump(s, impactS, 0.07) + 0.15 * bump(s, impactS + 0.3, 0.1)
  const lean = 0.3 * bump(s, impactS - 0.3, 0.5)
  return [lean + 0.1 * push + wobble(s), wobble(s + 3), 1 + push - 0.05 * lean + wobble(s + 7)]
}

interface Wearing {
  rateHz?: number
  clipG?: number
  /** Leaves out every so many samples. */
  missingEvery?: number
  untilS?: number
  batchS?: number
}

/** Sends a movement as a band would; returns every decision. */
async function wear(detector: FallDetector, movement: Movement, wearing: Wearing = {}): Promise<FallDecision[]> {
  const { rateHz = 50, clipG = 16, missingEvery = Number.POSITIVE_INFINITY, untilS = 16, batchS = 0.5 } = wearing
  const decisions: FallDecision[] = []
  for (let from = 0; from < untilS; from += batchS) {
    const seconds = Array.from({ length: Math.round(rateHz * batchS) }, (_, i) => from + i / rateHz + 0.003).filter(
      (s, i) => s < untilS && (i + 1) % missingEvery !== 0,
    )
    const values = seconds.flatMap(movement).map((value) => Math.max(-clipG, Math.min(clipG, value)))
    decisions.push(...(await detector.add({ times: seconds.map((s) => start + 1000 * s), values })))
  }
  return decisions
}

/** A model that says the same of every window, and counts them. */
function constantModel(score: number): FallModel & { runs: number } {
  return {
    ...{ model: 'constant 1', position: 'waist', triggerG: 1.4, threshold: 0.5, runs: 0 },
    async score() {
      this.runs++
      return score
    },
    close: async () => {},
  }
}

t.test('a fall is told once, within 2.5 s of the impact', async (t) => {
  const decisions = await wear(createFallDetector({ model: constantModel(0.9) }), fall)
  const falls = decisions.filter(({ isFall }) => isFall)
  t.equal(falls.length, 1)
  const [only] = falls
  t.ok(Math.abs(only!.impactAt - (start + impactS * 1000)) <= 60, 'the impact is where it was')
  t.ok(only!.decidedAt - only!.impactAt <= 2500)
  t.ok(only!.peakG > 3)
  t.equal(only!.observedShare, 1)
})

t.test('someone who sits still costs no run of the model', async (t) => {
  const model = constantModel(0.9)
  t.same(await wear(createFallDetector({ model }), (s) => [wobble(s), wobble(s + 1), 1]), [])
  t.equal(model.runs, 0)
})

t.test(
  'the band falls silent right after the impact: decided all the same, and again when the rest arrives',
  async (t) => {
    const model = constantModel(0.2)
    const detector = createFallDetector({ model })
    t.same(await wear(detector, fall, { untilS: impactS + 0.5 }), [])
    t.same(await detector.tick(start + (impactS + 1) * 1000), [], 'not before its time')
    const [hurried] = await detector.tick(start + (impactS + 2.5) * 1000)
    t.ok(Math.abs(hurried!.impactAt - (start + impactS * 1000)) <= 60)
    t.ok(hurried!.observedShare < 0.8, 'it says that half of what follows is missing')
    t.same(await detector.tick(start + (impactS + 3.5) * 1000), [], 'only once')
    const rest = [0.5, 1, 1.5, 2].flatMap((s) => Array.from({ length: 25 }, (_, i) => impactS + s + i / 50 + 0.003))
    const decisions = await detector.add({ times: rest.map((s) => start + 1000 * s), values: rest.flatMap(fall) })
    t.equal(decisions[0]!.observedShare, 1)
  },
)

t.test('a batch that comes late is looked at when it comes', async (t) => {
  const detector = createFallDetector({ model: constantModel(0.9) })
  const times = (from: number, to: number) =>
    Array.from({ length: Math.round((to - from) * 50) }, (_, i) => from + i / 50 + 0.003)
  const send = (from: number, to: number) => {
    const seconds = times(from, to)
    return detector.add({ times: seconds.map((s) => start + 1000 * s), values: seconds.flatMap(fall) })
  }
  await send(0, 7)
  t.same(await send(9, 12), [], 'the second of the impact has not arrived')
  const decisions = await send(7, 9)
  t.equal(decisions.filter(({ isFall }) => isFall).length, 1)
  t.same(await send(7, 9), [], 'sent again it is no second fall')
})

t.test('when nobody waits for the answers, batches are refused and counted', async (t) => {
  const detector = createFallDetector({ model: constantModel(0.1) })
  const sent = Array.from({ length: 12 }, (_, i) => detector.add({ times: [start + 20 * i], values: [0, 0, 1] }))
  await Promise.all(sent)
  t.equal(detector.stats().droppedBatches, 4)
})

t.test('what follows a fall is evidence for it, going on as before is evidence against it', async (t) => {
  const rows = (seconds: number, of: Movement) => Array.from({ length: seconds * 50 }, (_, i) => of(i / 50)).flat()
  const lying = fallEvidence(
    [0, 0, 1],
    rows(12, (s) => [1 + wobble(s, 0.005), 0, 0]),
  )
  t.equal(lying.verdict, 'supports')
  t.equal(Math.round(lying.postureChangeDeg), 90)
  const walking = fallEvidence(
    [0, 0, 1],
    rows(12, (s) => [0, 0, 1 + 0.4 * Math.sin(12 * s)]),
  )
  t.equal(walking.verdict, 'contradicts')
  const struggling = fallEvidence(
    [0, 0, 1],
    rows(12, (s) => [1, 0.4 * Math.sin(7 * s), 0.3 * Math.sin(12 * s)]),
  )
  t.not(struggling.verdict, 'contradicts', 'who fights to get up is not taken for somebody who did not fall')
  const short = fallEvidence(
    [0, 0, 1],
    rows(2, (s) => [0, 0, 1 + 0.4 * Math.sin(12 * s)]),
  )
  t.equal(short.verdict, 'open', 'two seconds say nothing')
  t.ok(Number.isNaN(fallEvidence([0, 0, 1], []).postureChangeDeg))

  const detector = createFallDetector({ model: constantModel(0.9) })
  const [found] = await wear(detector, fall, { untilS: 26 })
  t.equal(detector.evidence(found!.impactAt)?.verdict, 'supports')
  t.equal(detector.evidence(start - 60_000), undefined, 'of what is no longer held it says nothing')
})

for (const position of ['waist', 'wrist'] as const) {
  const folder = fileURLToPath(new URL(`../../../models/fall-${position}`, import.meta.url))

  t.test(`the shipped ${position} model`, async (t) => {
    const manifest = await loadFallManifest(folder)
    t.ok(manifest.weights.byteLength <= 200_000, `${manifest.weights.byteLength} bytes`)
    const model = await createFallModel(manifest)
    t.teardown(() => model.close())
    const falls = async (movement: Movement, wearing?: Wearing) =>
      (await wear(createFallDetector({ model }), movement, wearing)).filter(({ isFall }) => isFall).length
    t.equal(await falls(fall), 1, 'tells a fall')
    for (const wearing of [{ rateHz: 100 }, { rateHz: 25 }, { rateHz: 20 }, { clipG: 2 }, { missingEvery: 11 }]) {
      t.equal(await falls(fall, wearing), 1, `with ${JSON.stringify(wearing)} too`)
    }
    t.equal(await falls((s) => [-fall(s)[1], fall(s)[2], -fall(s)[0]]), 1, 'however the band is worn')
    t.equal(await falls(sitDown), 0, 'is silent when someone sits down')
    t.equal(await falls(clap), 0, 'and when someone claps')
  })
}

t.test('a model whose weights were exchanged is not loaded', async (t) => {
  const folder = t.testdir()
  await cp(fileURLToPath(new URL('../../../models/fall-waist', import.meta.url)), folder, { recursive: true })
  const file = join(folder, 'fall-waist.onnx')
  const bytes = await readFile(file)
  bytes[bytes.length - 100]! ^= 1
  await writeFile(file, bytes)
  await t.rejects(loadFallManifest(folder), { message: /SHA-256/ })
})

t.test('a manifest that calls for other features is refused with the place', async (t) => {
  const folder = t.testdir()
  await cp(fileURLToPath(new URL('../../../models/fall-waist', import.meta.url)), folder, { recursive: true })
  const file = join(folder, 'model.json')
  const manifest = JSON.parse(await readFile(file, 'utf8'))
  manifest.input.channels.reverse()
  manifest.triggerG = 'low'
  await writeFile(file, JSON.stringify(manifest))
  await t.rejects(loadFallManifest(folder), {
    message: /input\.channels(.|\n)*triggerG|triggerG(.|\n)*input\.channels/,
  })
})
