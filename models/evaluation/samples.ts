import { type Box, type Detection, intersectionOverUnion } from '../../gateway/core/detection.ts'

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

/** What the model says of a picture. */
export interface Seen {
  /** At the thresholds in use. */
  detections: readonly Detection[]
  /** Per label, its detections down to a score far below every threshold while the other labels keep theirs. */
  lowered: Readonly<Record<string, readonly Detection[]>>
}

/** A picture, what is in it and what the model says, best first, without what lies in neutral places. */
export interface Sample extends PictureTruth, Seen {}

/** Boxes that share this much (intersection over union) are the same thing. */
export const sameThing = 0.5

/** A detection that lies by so much of its own area in a neutral place is not counted. */
const neutralShare = 0.5

/** Joins truth and detections; takes out what lies in neutral places and is none of the truths. */
export function toSample(truth: PictureTruth, seen: Seen): Sample {
  const isNeutral = ({ box, label }: Detection) =>
    truth.neutral.some((place) => shareInside(box, place) >= neutralShare) &&
    !truth.truths.some((one) => one.label === label && intersectionOverUnion(one.box, box) >= sameThing)
  const counted = (detections: readonly Detection[]) =>
    detections.filter((detection) => !isNeutral(detection)).sort((a, b) => b.score - a.score)
  const lowered = Object.entries(seen.lowered).map(([label, detections]) => [label, counted(detections)])
  return { ...truth, detections: counted(seen.detections), lowered: Object.fromEntries(lowered) }
}

function shareInside(box: Box, place: Box): number {
  const width = Math.min(box.x + box.width, place.x + place.width) - Math.max(box.x, place.x)
  const height = Math.min(box.y + box.height, place.y + place.height) - Math.max(box.y, place.y)
  return width > 0 && height > 0 ? (width * height) / (box.width * box.height) : 0
}
