import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type Box, intersectionOverUnion } from '../core/detection.ts'
import { createImageDetector, detectImage } from './image.ts'
import { loadManifest } from './manifest.ts'

/*
 * The heads against pretrained detectors and pictures with labelled people, which lie beside the repository in a
 * folder of their own. Under CI their absence is a failure.
 */

const shared = new URL('../../../shared/data/', import.meta.url).pathname
const pictures = join(shared, 'cameras/wheelchair')
const isMissing = !existsSync(join(shared, 'models'))
const skip = isMissing && process.env.CI !== 'true' ? 'the shared models are not here' : false

const imageNet = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] }
const models = {
  nanodet_plus_m_416: {
    input: {
      name: 'data',
      width: 416,
      height: 416,
      color: 'bgr',
      resize: 'letterbox',
      mean: [103.53, 116.28, 123.675],
      std: [57.375, 57.12, 58.395],
    },
    head: { family: 'nanodet' },
    least: 41,
  },
  yolox_nano_416: {
    input: { name: 'images', width: 416, height: 416, color: 'bgr', resize: 'letterbox', anchor: 'top-left' },
    head: { family: 'yolox' },
    least: 32,
  },
  picodet_s_320_coco: {
    input: { name: 'image', width: 320, height: 320, color: 'rgb', resize: 'stretch', ...imageNet },
    head: { family: 'picodet' },
    least: 39,
  },
  deimv2_hgnetv2_atto_coco: {
    input: { name: 'images', width: 320, height: 320, color: 'rgb', resize: 'stretch', std: [255, 255, 255] },
    head: { family: 'detr' },
    least: 40,
  },
}

/** Boxes of the people in a YOLO label file, where class 4 is a person. */
async function peopleIn(file: string): Promise<Box[]> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  return lines.flatMap((line) => {
    const [label, x = 0, y = 0, width = 0, height = 0] = line.split(' ').map(Number)
    return label === 4 ? [{ x: x - width / 2, y: y - height / 2, width, height }] : []
  })
}

for (const [name, { input, head, least }] of Object.entries(models)) {
  t.test(`${name} finds the people in real pictures, where they are`, { skip }, async (t) => {
    const dir = join(t.testdir(), name)
    await mkdir(dir)
    const source = join(shared, 'models', `${name}.onnx`)
    await copyFile(source, join(dir, 'model.onnx'))
    const manifest = {
      name,
      version: '1',
      task: 'detection',
      file: 'model.onnx',
      sha256: createHash('sha256')
        .update(await readFile(source))
        .digest('hex'),
      input,
      head,
      labels: (await readFile(join(shared, 'models/coco.txt'), 'utf8')).trim().split(','),
      thresholds: { default: 0.35 },
      licence: 'Apache-2.0',
      source: 'upstream',
    }
    await writeFile(join(dir, 'model.json'), JSON.stringify(manifest))
    const detector = await createImageDetector(await loadManifest(dir))
    t.teardown(() => detector.close())
    let people = 0
    let found = 0
    let overlap = 0
    for (const file of await readdir(pictures)) {
      if (!/^person_.*\.jpg$/.test(file)) continue
      const { detections } = await detector.detect(join(pictures, file))
      const seen = detections.filter(({ label }) => label === 'person')
      for (const person of await peopleIn(join(pictures, file.replace('.jpg', '.txt')))) {
        people++
        const best = Math.max(0, ...seen.map(({ box }) => intersectionOverUnion(box, person)))
        if (best < 0.5) continue
        found++
        overlap += best
      }
    }
    t.equal(people, 47)
    t.ok(found >= least, `${found} of ${people} people`)
    t.ok(overlap / found > 0.8, `boxes overlap by ${(overlap / found).toFixed(2)}`)
  })
}

t.test('one picture is looked at with one call', async (t) => {
  const manifest = await loadManifest(new URL('testing/colour-grid', import.meta.url).pathname)
  const svg = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="32"><rect width="32" height="32" fill="#f00"/></svg>',
  )
  const { detections, sessionMs } = await detectImage(manifest, svg)
  t.ok(sessionMs > 0)
  t.ok(detections.length > 0 && detections.every(({ label, box }) => label === 'red' && box.x + box.width <= 0.51))
})
