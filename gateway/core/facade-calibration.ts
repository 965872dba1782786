import { type Static, Type } from 'typebox'

const point = Type.Tuple([Type.Number(), Type.Number()], {
  description: 'x and y in fractions of the picture; may lie outside it',
})
const twoPoints = Type.Tuple([point, point])

/** What a person clicks on a picture of the facade: its two edges and at least two floor lines. */
export const facadeCalibration = Type.Object(
  {
    left: Type.Unsafe<[[number, number], [number, number]]>(twoPoints),
    right: Type.Unsafe<[[number, number], [number, number]]>(twoPoints),
    floors: Type.Array(
      Type.Object({
        floor: Type.Number({
          description: 'storey that stands on this line, 1 at the ground; the roof’s edge counts on',
        }),
        line: Type.Unsafe<[[number, number], [number, number]]>(twoPoints),
      }),
      { minItems: 2 },
    ),
    floorHeightM: Type.Number({ minimum: 2, maximum: 8, default: 3, description: 'height of a storey, metres' }),
    columns: Type.Optional(Type.Integer({ minimum: 1, description: 'flats side by side, from the left edge' })),
  },
  { additionalProperties: false },
)

export type FacadeCalibration = Static<typeof facadeCalibration>
