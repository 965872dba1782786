import { Lens } from './lens.ts'
import { type MeshSource, type Model, readModel } from './mesh.ts'
import { overlay } from './overlay.ts'
import { Random } from './random.ts'
import { Sequence, type SequenceKind } from './sequence.ts'
import type { Box } from './stage.ts'
import { CabSet, type StillOptions } from './still.ts'

/** A rendered picture: JPEG (cut-outs: WebP) as base64 and what is in it. */
export type Shot = { jpeg: string; boxes: Box[] }

const canvas = document.createElement('canvas')
const paper = document.createElement('canvas')
let lens: Lens | undefined
let set: { seed: number; cab: CabSet } | undefined
let sequence: Sequence | undefined
const models: Model[] = []
let options: StillOptions = {}

function lensOf(width: number, height: number): Lens {
  if (!lens || lens.width !== width || lens.height !== height) {
    lens = new Lens(canvas, width, height, 1.15)
    paper.width = width
    paper.height = height
  }
  return lens
}

async function develop(quality: number, draw: (pen: CanvasRenderingContext2D) => void): Promise<string> {
  const pen = paper.getContext('2d')!
  pen.drawImage(canvas, 0, 0)
  draw(pen)
  return encode('image/jpeg', quality)
}

async function encode(type: string, quality?: number): Promise<string> {
  const blob = await new Promise<Blob>((resolve) => paper.toBlob((b) => resolve(b!), type, quality))
  const bytes = new Uint8Array(await blob.arrayBuffer())
  let text = ''
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
  return btoa(text)
}

/** The picture with everything that is no object see-through. */
async function cutOut(covered: Uint8Array): Promise<string> {
  const pen = paper.getContext('2d')!
  pen.drawImage(canvas, 0, 0)
  const picture = pen.getImageData(0, 0, paper.width, paper.height)
  for (let i = 0; i < covered.length; i++) picture.data[i * 4 + 3] = covered[i] ? 255 : 0
  pen.putImageData(picture, 0, 0)
  return encode('image/webp', 0.92)
}

const studio = {
  /** Adds a mesh to what stills are made of. */
  async model(source: MeshSource): Promise<void> {
    models.push(await readModel(source))
  },

  /** How the stills after this call are made. */
  arrange(wanted: StillOptions): void {
    options = wanted
  },

  /** Still `index` in the cab of `seed`. */
  async still(seed: number, index: number, width: number, height: number): Promise<Shot> {
    const through = lensOf(width, height)
    if (set?.seed !== seed) {
      set?.cab.dispose()
      set = { seed, cab: new CabSet(through, seed, models, options) }
    }
    const boxes = set.cab.shoot(index)
    if (options.cutouts) return { jpeg: await cutOut(set.cab.covered), boxes }
    const random = new Random(seed * 31 + index * 17 + 5)
    const jpeg = await develop(random.range(0.5, 0.92), (pen) => overlay(pen, random, width, height))
    return { jpeg, boxes }
  },

  /** Prepares an entry sequence; returns its number of frames. */
  open(seed: number, kind: SequenceKind, width: number, height: number, framesPerSecond: number): number {
    sequence?.dispose()
    sequence = new Sequence(lensOf(width, height), seed, kind, framesPerSecond)
    return sequence.frames
  },

  async frame(index: number): Promise<Shot> {
    const boxes = sequence!.shoot(index)
    const jpeg = await develop(0.95, (pen) => sequence!.stamp(pen, index))
    return { jpeg, boxes }
  },
}

export type Studio = typeof studio
Object.assign(globalThis, { studio })
