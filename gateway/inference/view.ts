import type { Box, Detection } from '../core/detection.ts'
import type { InputSpecification, Region } from './preprocess.ts'

/*
 * Which part of a picture a model with `resize: window` looks at. The window is as high (or as wide) as the picture and
 * has the shape of the model's input, so that what is small in a wide picture is not made smaller still.
 *
 *   something moves, or was seen a moment ago ──▶ the window around it; around each in turn where one cannot hold both
 *   every `sweepEvery`th look, and while there is neither ──▶ the next window of a sweep over the whole picture
 */

/** The view of one camera. */
export interface View {
  /**
   * @param at epoch ms of the picture
   * @param focus where something moves, fractions of the picture
   * @returns the region to look at, or undefined for the whole picture
   */
  next(picture: { width: number; height: number }, at: number, focus?: Box): Region | undefined
  /** What was found, so that it is not lost sight of when something else moves. */
  saw(detections: readonly Detection[], at: number): void
}

/** A picture so little longer than the input is looked at as a whole. */
const littleLonger = 1.15
/** What was seen is looked after for so long: longer than people stand still. */
const rememberMs = 5_000
/** One look in so many goes elsewhere, so that what entered unseen is not missed for good. */
const sweepEvery = 6

type Input = Pick<InputSpecification, 'width' | 'height' | 'resize'>

/** Along the longer side of the picture, pixels. */
interface Span {
  axis: 'x' | 'y'
  length: number
  of: number
}

function spanOf({ width, height }: { width: number; height: number }, input: Input): Span | undefined {
  if (input.resize !== 'window') return undefined
  const longer = width / height / (input.width / input.height)
  if (longer > littleLonger) return { axis: 'x', length: even(height * (input.width / input.height)), of: width }
  if (longer < 1 / littleLonger) return { axis: 'y', length: even(width * (input.height / input.width)), of: height }
  return undefined
}

/** Windows that together show the whole picture; none where it is looked at as a whole. */
export function sweepOf(picture: { width: number; height: number }, input: Input): Region[] {
  const span = spanOf(picture, input)
  if (!span) return []
  const count = Math.ceil(span.of / span.length)
  return Array.from({ length: count }, (_, i) => regionAt((i * (span.of - span.length)) / (count - 1), span, picture))
}

/** Chroma samples stand for two pixels: whole pairs keep colours in their place. */
const even = (pixels: number): number => 2 * Math.round(pixels / 2)

function regionAt(from: number, { axis, length, of }: Span, picture: { width: number; height: number }): Region {
  const at = Math.min(Math.max(even(from), 0), of - length)
  return axis === 'x'
    ? { x: at, y: 0, width: length, height: picture.height }
    : { x: 0, y: at, width: picture.width, height: length }
}

export function createView(input: Input): View {
  let turn = 0
  let swept = 0
  let seen: Box[] = []
  let seenAt = Number.NEGATIVE_INFINITY

  return {
    next(picture, at, focus) {
      const span = spanOf(picture, input)
      if (!span) return undefined
      turn++
      const along = ({ x, y, width, height }: Box): [number, number] =>
        span.axis === 'x' ? [x * span.of, (x + width) * span.of] : [y * span.of, (y + height) * span.of]
      // A clock set back: what was seen by the old time says nothing about now.
      const isFresh = at - seenAt < rememberMs && at >= seenAt
      const targets = [...(focus ? [along(focus)] : []), ...(isFresh && seen.length > 0 ? [hull(seen.map(along))] : [])]
      if (targets.length === 0 || turn % sweepEvery === 0) {
        const windows = sweepOf(picture, input)
        return windows[swept++ % windows.length]
      }
      const all = hull(targets)
      const [from, to] = all[1] - all[0] <= span.length ? all : targets[turn % targets.length]!
      return regionAt((from + to - span.length) / 2, span, picture)
    },
    saw(detections, at) {
      if (detections.length > 0) {
        seen = detections.map(({ box }) => box)
        seenAt = at
      }
    },
  }
}

function hull(stretches: ReadonlyArray<readonly [number, number]>): [number, number] {
  return [Math.min(...stretches.map(([from]) => from)), Math.max(...stretches.map(([, to]) => to))]
}
