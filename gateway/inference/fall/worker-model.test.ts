import { fileURLToPath } from 'node:url'
import t from 'tap'
import { fallFeatures, windowRows } from './features.ts'
import { createFallModel, loadFallManifest } from './model.ts'
import { deadly } from './testing/faulty-worker.ts'
import { createFallWorker, type FallWorkerOptions } from './worker-model.ts'

const folder = fileURLToPath(new URL('../../../models/fall-waist', import.meta.url))
const restart = { minMs: 1, maxMs: 20 }

async function start(t: { teardown(work: () => unknown): unknown }, options: Partial<FallWorkerOptions> = {}) {
  const manifest = await loadFallManifest(folder)
  const said: string[] = []
  const note = (_: object, text?: string) => void said.push(text ?? '')
  const logger = { info: note, warn: note } as unknown as FallWorkerOptions['logger']
  const worker = await createFallWorker({ manifest, logger, restart, ...options })
  t.teardown(() => worker.close())
  return { manifest, worker, said }
}

/** A window that differs from every other. */
function windowOf(seed: number): Float32Array {
  const rows = Array.from({ length: windowRows }, (_, i) => [Math.sin(i * seed), i === 100 ? 3 + seed : 0, 1])
  return fallFeatures(rows.flat())
}

t.test('a thread of its own says the same as the model itself', async (t) => {
  const { manifest, worker } = await start(t)
  const model = await createFallModel(manifest)
  t.teardown(() => model.close())
  const windows = [0.1, 0.5, 0.9, 1.3].map(windowOf)
  const scores = await Promise.all(windows.map((window) => worker.score(window)))
  for (const [i, window] of windows.entries()) t.equal(scores[i], await model.score(window))
  t.equal(worker.threshold, model.threshold)
  await worker.close()
  await t.rejects(worker.score(windows[0]!), { message: /closed/ })
})

t.test('a window that ends the thread is given up after a second try, the others are judged', async (t) => {
  const file = new URL('./testing/faulty-worker.ts', import.meta.url)
  const { worker, said } = await start(t, { file })
  const broken = windowOf(0.3)
  broken[0] = deadly
  const first = worker.score(windowOf(0.2))
  const lost = worker.score(broken)
  const last = worker.score(windowOf(0.4))
  await t.rejects(lost, { message: /lost twice/ })
  t.ok((await first) >= 0)
  t.ok((await last) >= 0)
  t.equal(worker.losses, 2)
  t.same(said, ['fall model lost its thread; a new one follows', 'fall model is back'], 'said once each')
})

t.test('what cannot be judged in time is refused, not piled up', async (t) => {
  const { worker } = await start(t)
  const window = windowOf(0.7)
  const sent = Array.from({ length: 1100 }, () => worker.score(window))
  const outcomes = await Promise.allSettled(sent)
  t.equal(outcomes.filter(({ status }) => status === 'rejected').length, 1100 - 1024)
})

t.test('weights that are no model are refused at the start', async (t) => {
  const manifest = await loadFallManifest(folder)
  const weights = new Uint8Array(new SharedArrayBuffer(64))
  await t.rejects(start(t, { manifest: { ...manifest, weights } }), { message: /the weights cannot be loaded/ })
})
