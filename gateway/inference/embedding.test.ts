import t from 'tap'
import { createEmbeddingPool } from './embedding.ts'
import { loadManifest } from './manifest.ts'
import { createModelSession } from './session.ts'

const whole = { x: 0, y: 0, width: 8, height: 8 }

t.test('an embedding is the mean of what the model makes of the cells in the box, of unit length', async (t) => {
  const data = Float32Array.from({ length: 32 }, (_, i) => (i < 16 ? (i % 4 < 2 ? 3 : 0) : i % 4 < 2 ? 4 : 1))
  const pool = createEmbeddingPool([{ channels: 2, rows: 4, columns: 4, data }], { width: 8, height: 8 })
  const left = pool({ x: 0, y: 0, width: 0.5, height: 1 }, whole)
  t.ok(Math.abs(left[0]! - 0.6) < 1e-6 && Math.abs(left[1]! - 0.8) < 1e-6)
  t.same([...pool({ x: 0.5, y: 0, width: 0.5, height: 1 }, whole)], [0, 1])
  t.same(
    [...pool({ x: 0.9, y: 0.9, width: 0.001, height: 0.001 }, whole)],
    [0, 1],
    'a box smaller than a cell has its cell',
  )
  const placed = pool({ x: 0, y: 0, width: 1, height: 1 }, { x: 4, y: 0, width: 4, height: 8 })
  t.same([...placed], [0, 1], 'the placement of the picture counts')
})

t.test('the shipped lift model gives embeddings only when asked, and sees the same with and without', async (t) => {
  const manifest = await loadManifest(new URL('../../models/lift-nanodet', import.meta.url).pathname)
  const session = await createModelSession({ ...manifest, thresholds: { default: 0.02 } })
  t.teardown(() => session.close())
  const data = Uint8Array.from({ length: 320 * 180 * 1.5 }, (_, i) => (i * 7919 + (i >> 7) * 31) % 220)
  const picture = { width: 320, height: 180, data }
  const plain = await session.infer(picture)
  const asked = await session.infer(picture, ['e-bike'])
  t.ok(plain.detections.length > 0 && plain.detections.every(({ embedding }) => embedding === undefined))
  const strip = asked.detections.map(({ embedding: _, ...seen }) => seen)
  t.same(strip, plain.detections)
  for (const { label, embedding } of asked.detections) {
    t.equal(embedding !== undefined, label === 'e-bike')
    if (!embedding) continue
    t.equal(embedding.length, 4 * 96)
    t.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-5)
  }
})

t.test('a manifest whose embedding names what the model lacks stops the start', async (t) => {
  const manifest = await loadManifest(new URL('../../models/lift-nanodet', import.meta.url).pathname)
  const attempt = (outputs: string[]) => createModelSession({ ...manifest, embedding: { outputs } })
  await t.rejects(attempt(['neck']), { message: /embedding.outputs: the model has no output "neck"/ })
})
