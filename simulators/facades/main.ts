/**
 * Renders facade scenes with their ground truth.
 *
 *   node --import tsx simulators/facades/main.ts --set throws --count 20 --out DIR --seed 1 --buildings 1-12
 *   node --import tsx simulators/facades/main.ts --set distractors --minutes 30 --out DIR --buildings 101-112
 *
 * With --scenes only the plans are written, `<set>-<seed>.scenes.json`: `npm run evaluate -- falling-object` draws them itself.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { planDistractors, planThrows } from './plans.ts'
import { renderScene } from './render.ts'

const { values } = parseArgs({
  options: {
    set: { type: 'string' },
    count: { type: 'string', default: '10' },
    minutes: { type: 'string', default: '10' },
    out: { type: 'string' },
    seed: { type: 'string', default: '1' },
    buildings: { type: 'string', default: '1-10' },
    width: { type: 'string', default: '1920' },
    scenes: { type: 'boolean' },
  },
})
const range = /^(\d+)-(\d+)$/.exec(values.buildings)
if (!values.out || !range || (values.set !== 'throws' && values.set !== 'distractors')) {
  console.error(
    'usage: --set throws|distractors --out DIR [--count N] [--minutes N] [--buildings A-B] [--seed S] [--width W]',
  )
  process.exit(64)
}
const [first, last] = [Number(range[1]), Number(range[2])]
const buildings = Array.from({ length: last - first + 1 }, (_, i) => first + i)
const order = { buildings, seed: Number(values.seed), width: Number(values.width) }
const plans =
  values.set === 'throws'
    ? planThrows({ ...order, count: Number(values.count) })
    : planDistractors({ ...order, minutes: Number(values.minutes) })
mkdirSync(values.out, { recursive: true })
if (values.scenes) {
  writeFileSync(join(values.out, `${values.set}-${order.seed}.scenes.json`), JSON.stringify(plans))
  process.exit(0)
}
for (const [index, plan] of plans.entries()) {
  const name = `b${plan.building}-${values.set}-${order.seed}-${String(index).padStart(3, '0')}.mp4`
  await renderScene(plan, join(values.out, name))
  console.log(name)
}
