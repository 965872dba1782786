import t from 'tap'
import { createUsualSize } from './usual-size.ts'

/** The same pictures again and again at 15 a second. */
function show(usual: ReturnType<typeof createUsualSize>, sizes: readonly number[], from = 0): void {
  for (let i = 0; i < 100; i++) usual.add(from + (i * 1000) / 15, sizes[i % sizes.length]!)
}

t.test('what is clearly larger than a still scene is told, grain and layers of pictures are not', async (t) => {
  const still = createUsualSize()
  t.equal(still.limit(), undefined, 'nothing is known yet')
  show(still, [50, 55, 60])
  t.ok(still.limit()! > 60 && still.limit()! < 400, `${still.limit()}`)
  const grainy = createUsualSize()
  show(grainy, [4000, 4400, 3600, 4800, 3900])
  t.ok(grainy.limit()! > 5500 && grainy.limit()! < 8000, `${grainy.limit()}`)
  const layered = createUsualSize()
  show(layered, [1200, 400])
  t.ok(layered.limit()! > 1400, `${layered.limit()}`)
})

t.test('what moved before the scene became still is forgotten', async (t) => {
  const usual = createUsualSize()
  show(usual, [9000, 12_000])
  show(usual, [50], 10_000)
  usual.forgetBefore(10_000)
  t.ok(usual.limit()! < 400)
})
