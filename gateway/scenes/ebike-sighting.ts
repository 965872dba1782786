import { type Static, Type } from 'typebox'
import { type Detection, intersectionOverUnion } from '../core/detection.ts'
import { isInZone, type Zone } from '../core/zone.ts'

/** Options that say which detections count as an e-bike. */
export const sightingOptions = {
  label: Type.String({ default: 'e-bike', description: 'Label of the model that counts as a sighting.' }),
  minScore: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 0.45,
    description: 'Below this a detection is no sighting.',
  }),
  minScoreByLift: Type.Record(Type.String(), Type.Number({ minimum: 0, maximum: 1 }), {
    default: {},
    description: 'Another minScore for single lifts, by lift id.',
  }),
  minArea: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 0.025,
    description: 'Smallest box, as a share of the picture: an e-bike in the hall is seen smaller than one in the cab.',
  }),
  vetoLabels: Type.Array(Type.String(), {
    default: ['bicycle', 'stroller', 'wheelchair', 'trolley'],
    description: 'A better score of one of these at the same place takes the sighting back.',
  }),
  vetoMargin: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 0,
    description: 'How much better than the e-bike it must score.',
  }),
  ignoreZones: Type.Record(
    Type.String(),
    Type.Array(Type.Array(Type.Tuple([Type.Number(), Type.Number()]), { minItems: 3 })),
    { default: {}, description: 'Polygons in fractions of the picture, by camera id. Cameras bring their own.' },
  ),
}
const Schema = Type.Object(sightingOptions)
export type SightingOptions = Static<typeof Schema>

/** Two boxes that share this much (intersection over union) are the same thing. */
const samePlace = 0.5

/**
 * The best e-bike in one frame; undefined where there is none: each is too weak, too small, in an ignored zone, or at a
 * place where something else has the better claim.
 */
export function bestSighting(
  detections: readonly Detection[],
  facts: { camera: string; lift: string | undefined },
  options: SightingOptions,
): Detection | undefined {
  const minScore = options.minScoreByLift[facts.lift ?? ''] ?? options.minScore
  const zones = (options.ignoreZones[facts.camera] ?? []) as unknown as Zone[]
  const hasBetterClaim = (other: Detection, sighting: Detection) =>
    options.vetoLabels.includes(other.label) &&
    other.score > sighting.score + options.vetoMargin &&
    intersectionOverUnion(other.box, sighting.box) >= samePlace
  return detections
    .filter(
      ({ label, score, box }) =>
        label === options.label &&
        score >= minScore &&
        box.width * box.height >= options.minArea &&
        !zones.some((zone) => isInZone(box, zone)),
    )
    .filter((sighting) => !detections.some((other) => hasBetterClaim(other, sighting)))
    .reduce<Detection | undefined>((best, each) => (best && best.score >= each.score ? best : each), undefined)
}
