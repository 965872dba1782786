import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import type { Box } from '../core/detection.ts'
import type { LearningExample } from '../core/learning.ts'

export interface ExportOptions {
  examples: readonly LearningExample[]
  cropPath(example: LearningExample): string | undefined
  /** Class names by number, the model's labels. */
  classes: readonly string[]
  /** New or empty. */
  dir: string
  /** Blurs the upper part of what the model took for persons. */
  maskHeads: boolean
}

export interface ExportCount {
  confirmed: number
  falseAlarms: number
  /** Crops that were gone. */
  missing: number
  masked: number
}

/** Of a person's box, what is blurred: head, hair and neck of somebody who stands, with some room around. */
const headShare = 0.35
const headRoom = 0.15

/**
 * Writes judged crops as a YOLO data set: `images/<id>.jpg`, `labels/<id>.txt` (the box of what was confirmed; nothing
 * for a false alarm), `ignored/<id>.txt` (what else the model saw there and nobody judged: neither finding nor
 * background), `classes.txt`. `models/train/lift.py --extra` reads it.
 *
 * Masking hides the heads of persons the detector found, by blurring. It is no anonymisation: persons it missed stay
 * as they are, and clothes, bags and the place may still tell who somebody is.
 */
export async function exportYolo({ examples, cropPath, classes, dir, maskHeads }: ExportOptions): Promise<ExportCount> {
  for (const folder of ['images', 'labels', 'ignored']) await mkdir(join(dir, folder), { recursive: true })
  await writeFile(join(dir, 'classes.txt'), `${classes.join('\n')}\n`)
  const count: ExportCount = { confirmed: 0, falseAlarms: 0, missing: 0, masked: 0 }
  for (const example of examples) {
    const path = cropPath(example)
    const number = classes.indexOf(example.label)
    if (!path || number < 0) {
      count.missing++
      continue
    }
    const isConfirmed = example.verdict?.value === 'confirmed'
    const others = example.others.flatMap(({ label, box }) => {
      const inside = withinCrop(box, example.cropBox)
      return inside ? [{ label, box: inside }] : []
    })
    const heads = maskHeads ? others.filter(({ label }) => label === 'person').map(({ box }) => headOf(box)) : []
    await writeFile(join(dir, 'images', `${example.id}.jpg`), await masked(path, heads))
    const subject = withinCrop(example.box, example.cropBox)
    await writeFile(join(dir, 'labels', `${example.id}.txt`), isConfirmed && subject ? line(number, subject) : '')
    const known = others.filter(({ label }) => classes.includes(label))
    const ignored = known.map(({ label, box }) => line(classes.indexOf(label), box)).join('')
    await writeFile(join(dir, 'ignored', `${example.id}.txt`), ignored)
    count[isConfirmed ? 'confirmed' : 'falseAlarms']++
    count.masked += heads.length
  }
  return count
}

/** A box of the frame in fractions of the crop; undefined when nothing of it shows. */
function withinCrop(box: Box, crop: Box): Box | undefined {
  const fraction = (value: number) => Math.min(1, Math.max(0, value))
  const left = fraction((box.x - crop.x) / crop.width)
  const top = fraction((box.y - crop.y) / crop.height)
  const width = fraction((box.x + box.width - crop.x) / crop.width) - left
  const height = fraction((box.y + box.height - crop.y) / crop.height) - top
  return width > 0 && height > 0 ? { x: left, y: top, width, height } : undefined
}

function headOf({ x, y, width, height }: Box): Box {
  const top = Math.max(0, y - headRoom * height)
  const left = Math.max(0, x - headRoom * width)
  const right = Math.min(1, x + (1 + headRoom) * width)
  return { x: left, y: top, width: right - left, height: Math.min(1, y + headShare * height) - top }
}

function line(number: number, { x, y, width, height }: Box): string {
  return `${[number, ...[x + width / 2, y + height / 2, width, height].map((value) => value.toFixed(6))].join(' ')}\n`
}

async function masked(path: string, places: readonly Box[]): Promise<Buffer> {
  const picture = await sharp(path).toBuffer({ resolveWithObject: true })
  const { width, height } = picture.info
  const patches = await Promise.all(
    places.map(async (place) => {
      const left = Math.min(width - 1, Math.floor(place.x * width))
      const top = Math.min(height - 1, Math.floor(place.y * height))
      const size = {
        width: Math.max(1, Math.min(width - left, Math.ceil(place.width * width))),
        height: Math.max(1, Math.min(height - top, Math.ceil(place.height * height))),
      }
      // Down to a few pixels first: a blur alone can be undone in part.
      const few = await sharp(picture.data)
        .extract({ left, top, ...size })
        .resize(4, 4, { fit: 'fill' })
        .png()
        .toBuffer()
      return {
        input: await sharp(few).resize(size.width, size.height, { fit: 'fill', kernel: 'cubic' }).toBuffer(),
        left,
        top,
      }
    }),
  )
  return sharp(picture.data).composite(patches).jpeg({ quality: 90 }).toBuffer()
}
