/**
 * Renders labelled pictures of lift cabs for training, and entry sequences for the simulators.
 *
 *   node --import tsx simulators/cameras/render/main.ts --frames 1000 --out DIR --seed 1 [--width 416 --height 256]
 *   … --frames 1000 --meshes DIR   with meshes that somebody modelled (meshes.ts says what is in DIR)
 *   … --frames 1000 --pairs        every second still repeats the one before without its vehicles
 *   … --frames 1000 --cutouts      objects alone, WebP with alpha, to be laid over other pictures (data.py)
 *   node --import tsx simulators/cameras/render/main.ts --sequence e-bike --out clip.mp4 --seed 900001
 */
import { parseArgs } from 'node:util'
import { readMeshes } from './meshes.ts'
import { renderSequence } from './sequence.ts'
import { renderStills } from './stills.ts'
import type { SequenceKind } from './studio.ts'

const kinds: readonly SequenceKind[] = ['empty', 'person', 'bicycle', 'stroller', 'e-bike']

const { values } = parseArgs({
  options: {
    frames: { type: 'string' },
    sequence: { type: 'string' },
    out: { type: 'string' },
    seed: { type: 'string', default: '1' },
    width: { type: 'string' },
    height: { type: 'string' },
    fps: { type: 'string', default: '15' },
    'per-cab': { type: 'string', default: '6' },
    meshes: { type: 'string' },
    pairs: { type: 'boolean', default: false },
    cutouts: { type: 'boolean', default: false },
  },
})

const seed = Number(values.seed)
const kind = kinds.find((name) => name === values.sequence)
if (!values.out || Number.isNaN(seed) || (!values.frames && !kind)) {
  console.error(`usage: --frames N --out DIR --seed S | --sequence ${kinds.join('|')} --out FILE.mp4 --seed S`)
  process.exit(64)
}
if (kind) {
  await renderSequence({
    kind,
    out: values.out,
    seed,
    width: Number(values.width ?? 640),
    height: Number(values.height ?? 360),
    framesPerSecond: Number(values.fps),
  })
} else {
  await renderStills({
    frames: Number(values.frames),
    out: values.out,
    seed,
    width: Number(values.width ?? 416),
    height: Number(values.height ?? 256),
    perCab: Number(values['per-cab']),
    pairs: values.pairs,
    cutouts: values.cutouts,
    models: values.meshes ? await readMeshes(values.meshes) : [],
  })
}
