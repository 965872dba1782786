import type { Box, Detection } from '../../gateway/core/detection.ts'

/** What a person says is in a picture. */
export interface Truth {
  label: string
  box: Box
}

/** Labels of one picture. */
export interface PictureTruth {
  /** Path inside the data, or video and frame. */
  name: string
  truths: readonly Truth[]
  /** Places where a detection counts neither as right nor as false. */
  neutral: readonly Box[]
  /** Labels nobody drew in this picture: what the model finds of them says nothing. */
  unlabelled: ReadonlySet<string>
}

/** A picture, what is in it and what the model says. */
export interface Sample extends PictureTruth {
  /** Best first, down to a score far below every threshold; nothing of it lies in a neutral place. */
  detections: readonly Detection[]
}

/** A detection that lies by so much of its own area in a neutral place is not counted. */
const neutralShare = 0.5

/** Joins truth and detections; takes out what lies in neutral places. */
export function toSample(truth: PictureTruth, detections: readonly Detection[]): Sample {
  const counted = detections
    .filter(({ box }) => !truth.neutral.some((place) => shareInside(box, place) >= neutralShare))
    .sort((a, b) => b.score - a.score)
  return { ...truth, detections: counted }
}

function shareInside(box: Box, place: Box): number {
  const width = Math.min(box.x + box.width, place.x + place.width) - Math.max(box.x, place.x)
  const height = Math.min(box.y + box.height, place.y + place.height) - Math.max(box.y, place.y)
  return width > 0 && height > 0 ? (width * height) / (box.width * box.height) : 0
}
