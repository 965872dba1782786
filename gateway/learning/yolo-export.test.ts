import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import t from 'tap'
import type { LearningExample } from '../core/learning.ts'
import { exportYolo } from './yolo-export.ts'

const classes = ['e-bike', 'person']
const example = (id: string, value: 'confirmed' | 'false-alarm'): LearningExample => ({
  ...{ id, alarmId: id, camera: 'cam', label: 'e-bike', model: 'm@1', score: 0.6, file: `${id}.jpg`, sha256: '' },
  ...{ box: { x: 0.4, y: 0.4, width: 0.2, height: 0.2 }, cropBox: { x: 0.3, y: 0.3, width: 0.4, height: 0.4 } },
  others: [
    { label: 'person', score: 0.9, box: { x: 0.3, y: 0.3, width: 0.1, height: 0.4 } },
    { label: 'person', score: 0.9, box: { x: 0.9, y: 0.9, width: 0.1, height: 0.1 } },
  ],
  ...{ seenAt: 1, createdAt: 1, verdict: { value, by: 'admin', at: 2 } },
})

t.test('judged crops become a YOLO data set: what was confirmed has its box, a false alarm has none', async (t) => {
  const dir = t.testdir({ crops: {}, out: {} })
  // Fine stripes: blurring them shows.
  const stripes = Buffer.from(Uint8Array.from({ length: 80 * 80 * 3 }, (_, i) => (Math.floor(i / 3) % 2 ? 255 : 0)))
  const jpeg = await sharp(stripes, { raw: { width: 80, height: 80, channels: 3 } })
    .jpeg({ quality: 100 })
    .toBuffer()
  for (const id of ['a', 'b']) await sharp(jpeg).toFile(join(dir, 'crops', `${id}.jpg`))
  const examples = [example('a', 'confirmed'), example('b', 'false-alarm'), example('c', 'confirmed')]
  const out = join(dir, 'out')
  const cropPath = ({ file }: LearningExample) => (file === 'c.jpg' ? undefined : join(dir, 'crops', file))
  const count = await exportYolo({ examples, cropPath, classes, dir: out, maskHeads: true })
  t.same(count, { confirmed: 1, falseAlarms: 1, missing: 1, masked: 2 })
  const read = (name: string) => readFileSync(join(out, name), 'utf8')
  t.equal(read('classes.txt'), 'e-bike\nperson\n')
  t.equal(read('labels/a.txt'), '0 0.500000 0.500000 0.500000 0.500000\n')
  t.equal(read('labels/b.txt'), '')
  t.equal(read('ignored/b.txt'), '1 0.125000 0.500000 0.250000 1.000000\n', 'what nobody judged counts neither way')
  const roughness = async (top: number) => {
    const part = { left: 2, top, width: 16, height: 16 }
    const cut = await sharp(join(out, 'images/a.jpg')).extract(part).toBuffer()
    return (await sharp(cut).stats()).channels[0]!.stdev
  }
  t.ok((await roughness(4)) < 20, 'the head is blurred')
  t.ok((await roughness(60)) > 60, 'the rest is not')
})
