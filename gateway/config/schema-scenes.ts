import { Type } from 'typebox'

/* Which scenes run where, and with which options. */

const strict = { additionalProperties: false } as const
const Ids = (description: string) => Type.Array(Type.String(), { minItems: 1, description })

export const SceneEntry = Type.Object(
  {
    scene: Type.String(),
    isEnabled: Type.Boolean({
      default: true,
      description: 'false: off for what is named below, or everywhere where nothing is named.',
    }),
    lifts: Type.Optional(
      Type.Union([Type.Literal('all'), Type.Array(Type.String())], { description: 'One scene runs for each lift.' }),
    ),
    cameras: Type.Optional(Ids('Camera ids, for scenes that watch a camera each.')),
    devices: Type.Optional(Ids('Device ids this entry is about, instead of all that fit.')),
    places: Type.Optional(
      Type.Array(
        Type.Object(
          {
            building: Type.String({ description: 'A building id.' }),
            unit: Type.Optional(Type.String({ description: 'A unit id of that building.' })),
          },
          strict,
        ),
        { minItems: 1, description: 'Places this entry is about: every device there.' },
      ),
    ),
    elders: Type.Optional(Ids('Elder ids this entry is about.')),
    options: Type.Record(Type.String(), Type.Unknown(), { default: {} }),
  },
  strict,
)
