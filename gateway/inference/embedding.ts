import type { Box } from '../core/detection.ts'
import type { Placement } from './preprocess.ts'

/** One feature map of a model, channels first: `channels` planes of `rows` × `columns`. */
export interface FeatureMap {
  channels: number
  rows: number
  columns: number
  data: Float32Array
}

/** Pools feature maps at a box of the camera's picture. */
export type EmbeddingPool = (box: Box, placement: Placement) => Float32Array

/**
 * How an embedding is made of a model's feature maps: per map, finest first, the mean of every channel over the cells
 * whose centre lies in the box (the nearest cell where none does), scaled to unit length; the maps one after the other,
 * together of unit length. A cosine between two embeddings is their inner product.
 * @param input size of the model's input, pixels
 */
export function createEmbeddingPool(
  maps: readonly FeatureMap[],
  input: { width: number; height: number },
): EmbeddingPool {
  const ordered = [...maps].sort((a, b) => b.columns * b.rows - a.columns * a.rows)
  const length = ordered.reduce((sum, { channels }) => sum + channels, 0)
  const share = 1 / Math.sqrt(ordered.length)
  return (box, placement) => {
    const left = placement.x + box.x * placement.width
    const top = placement.y + box.y * placement.height
    const embedding = new Float32Array(length)
    let at = 0
    for (const { channels, rows, columns, data } of ordered) {
      const [x1, x2] = cells(left, left + box.width * placement.width, input.width / columns, columns)
      const [y1, y2] = cells(top, top + box.height * placement.height, input.height / rows, rows)
      const mean = embedding.subarray(at, at + channels)
      let squares = 0
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0
        for (let y = y1; y <= y2; y++) {
          const row = (channel * rows + y) * columns
          for (let x = x1; x <= x2; x++) sum += data[row + x]!
        }
        mean[channel] = sum
        squares += sum * sum
      }
      const scale = squares > 0 ? share / Math.sqrt(squares) : 0
      for (let channel = 0; channel < channels; channel++) mean[channel]! *= scale
      at += channels
    }
    return embedding
  }
}

/** First and last cell whose centre lies between two pixels; the cell in the middle where there is none. */
function cells(from: number, to: number, size: number, count: number): [number, number] {
  const first = Math.ceil(from / size - 0.5)
  const last = Math.ceil(to / size - 0.5) - 1
  const clip = (index: number) => Math.min(Math.max(index, 0), count - 1)
  if (first <= last) return [clip(first), clip(last)]
  const middle = clip(Math.floor((from + to) / 2 / size))
  return [middle, middle]
}
