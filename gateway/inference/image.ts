import sharp from 'sharp'
import type { ModelManifest } from './manifest.ts'
import { type YuvPicture, yuvBytes } from './preprocess.ts'
import { createModelSession, type ModelSessionOptions, type SessionResult } from './session.ts'

/** Longest side a still picture is brought down to: what a main stream delivers. */
const maxSide = 1920

/** Runs a model on picture files; close it when done. */
export interface ImageDetector {
  /** Rejects when the file is not a picture sharp can read. */
  detect(file: string | Uint8Array): Promise<SessionResult>
  close(): Promise<void>
}

/**
 * Loads a model to look at still pictures, through the very path camera frames take (YUV 4:2:0 included), so that
 * what is measured is what runs. Blocks the calling thread while it looks: for tools and tests, not for the gateway.
 */
export async function createImageDetector(
  manifest: ModelManifest,
  options: ModelSessionOptions = {},
): Promise<ImageDetector> {
  const session = await createModelSession(manifest, options)
  return {
    detect: async (file) => session.infer(await readPicture(file)),
    close: () => session.close(),
  }
}

/** Looks at one picture file with one model. */
export async function detectImage(manifest: ModelManifest, file: string | Uint8Array): Promise<SessionResult> {
  const detector = await createImageDetector(manifest)
  try {
    return await detector.detect(file)
  } finally {
    await detector.close()
  }
}

/** Decodes a picture file, turned upright, into the pixels a camera would have delivered. */
export async function readPicture(file: string | Uint8Array): Promise<YuvPicture> {
  const { data, info } = await sharp(file)
    .rotate()
    .resize({ width: maxSide, height: maxSide, fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#000' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
  return toYuv(data, info.width, info.height)
}

/**
 * RGB → planar YUV 4:2:0, BT.601 limited range; chroma beside the left column of its two, as H.264 has it.
 * @param rgb three bytes a pixel
 */
export function toYuv(rgb: Uint8Array, width: number, height: number): YuvPicture {
  const data = new Uint8Array(new SharedArrayBuffer(yuvBytes(width, height)))
  for (let i = 0; i < width * height; i++) {
    data[i] = 16.5 + 0.256788 * rgb[i * 3]! + 0.504129 * rgb[i * 3 + 1]! + 0.097906 * rgb[i * 3 + 2]!
  }
  const chromaWidth = Math.ceil(width / 2)
  const chromaHeight = Math.ceil(height / 2)
  const uStart = width * height
  const vStart = uStart + chromaWidth * chromaHeight
  for (let cy = 0; cy < chromaHeight; cy++) {
    for (let cx = 0; cx < chromaWidth; cx++) {
      let r = 0
      let g = 0
      let b = 0
      for (let dy = 0; dy < 2; dy++) {
        const row = Math.min(2 * cy + dy, height - 1) * width
        for (let dx = -1; dx < 2; dx++) {
          const at = 3 * (row + Math.min(Math.max(2 * cx + dx, 0), width - 1))
          const weight = dx === 0 ? 0.25 : 0.125
          r += weight * rgb[at]!
          g += weight * rgb[at + 1]!
          b += weight * rgb[at + 2]!
        }
      }
      const at = cy * chromaWidth + cx
      data[uStart + at] = 128.5 - 0.148223 * r - 0.290993 * g + 0.439216 * b
      data[vStart + at] = 128.5 + 0.439216 * r - 0.367788 * g - 0.071427 * b
    }
  }
  return { width, height, data }
}
