import { type Static, Type } from 'typebox'

/* What the lists of the site file hold: one object per camera, speaker, upstream … */

export const strict = { additionalProperties: false } as const

export const Id = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
  description: 'Lower-case letters, digits and hyphens; unique among its kind. Appears in topics and URLs.',
})

export const Name = Type.Object(
  { zh: Type.String({ minLength: 1 }), en: Type.String({ minLength: 1 }) },
  { ...strict, description: 'What people read, in Chinese and English.' },
)

export const Secret = Type.Union(
  [
    Type.Object({ env: Type.String({ minLength: 1, description: 'Name of an environment variable.' }) }, strict),
    Type.Object({ file: Type.String({ minLength: 1, description: 'File holding only the secret.' }) }, strict),
  ],
  {
    description: 'A secret is never written here: name the environment variable or the file that holds it.',
    isSecret: true,
  },
)

export const Port = (value: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65535, default: value, description })

export const PlaceRef = Type.Object(
  {
    building: Type.Optional(Type.String({ description: 'A building id. Derived when a lift is given.' })),
    unit: Type.Optional(Type.String({ description: 'A unit id of that building.' })),
    floor: Type.Optional(Type.String({ description: 'As people say it: "3", "B1".' })),
    lift: Type.Optional(Type.String({ description: 'A lift id.' })),
    flat: Type.Optional(Type.String({ minLength: 1, description: 'Home number as people say it: "301".' })),
  },
  { ...strict, default: {}, description: 'Where it is; empty means the whole site.' },
)

const Zone = Type.Array(
  Type.Tuple([Type.Number({ minimum: 0, maximum: 1 }), Type.Number({ minimum: 0, maximum: 1 })]),
  { minItems: 3, description: 'Polygon in fractions of the picture, [x, y] from the top left.' },
)

export const Camera = Type.Object(
  {
    id: Id,
    name: Name,
    place: PlaceRef,
    url: Type.String({
      pattern: '^(rtsps?|file):',
      description: 'Main stream: rtsp://host/path without credentials, or file:path to play a video as a camera.',
    }),
    subUrl: Type.Optional(
      Type.String({
        pattern: '^rtsps?:',
        description: 'Sub stream for analysis; the main stream then serves evidence.',
      }),
    ),
    username: Type.Optional(Type.String()),
    password: Type.Optional(Secret),
    analysisFps: Type.Number({ minimum: 1, maximum: 30, default: 5, description: 'Analysed frames per second.' }),
    analysisWidth: Type.Integer({
      minimum: 160,
      maximum: 1920,
      default: 640,
      description:
        'Pictures are scaled down to this width and 9/16 of it for analysis, snapshots and live pictures, never up.',
    }),
    decoding: Type.Union([Type.Literal('full'), Type.Literal('on-demand')], {
      default: 'full',
      description:
        'Lift cameras over RTSP. on-demand: while the cab is still and empty only a key picture every second or two is decoded.',
    }),
    evidenceSeconds: Type.Integer({
      minimum: 20,
      maximum: 120,
      default: 25,
      description: 'Length of the memory ring that clips are cut from.',
    }),
    stallSeconds: Type.Number({
      minimum: 2,
      default: 10,
      description: 'Without a frame for this long it counts as lost.',
    }),
    pace: Type.Union([Type.Literal('real'), Type.Literal('fast')], {
      default: 'real',
      description: 'file: only. Play in real time, or as fast as analysis can follow.',
    }),
    loop: Type.Boolean({ default: false, description: 'file: only. Start again at the end.' }),
    ignoreZones: Type.Array(Zone, { default: [], description: 'Parts of the picture where nothing counts.' }),
  },
  strict,
)

export const Retention = Type.Object(
  {
    evidenceDays: Type.Integer({
      minimum: 1,
      default: 30,
      description: 'Snapshots and clips; longer while a case is open.',
    }),
    telemetryDays: Type.Integer({ minimum: 1, default: 30, description: 'Every value, in SQLite.' }),
    telemetryMinuteDays: Type.Integer({
      minimum: 1,
      default: 90,
      description: 'What each minute came to: mean, least, greatest, count.',
    }),
    telemetryHourDays: Type.Integer({ minimum: 1, default: 1825, description: 'The same for each hour.' }),
  },
  { ...strict, default: {} },
)

export const Upstream = Type.Object(
  {
    name: Id,
    kind: Type.String({ description: 'The dialect: grid-rest.' }),
    url: Type.String({ pattern: '^https?://' }),
    keyId: Type.String({ minLength: 1, description: 'Names the shared key at the platform.' }),
    secret: Secret,
    regionCode: Type.Optional(
      Type.String({ pattern: '^[0-9]{6}$', description: "In front of matter codes, instead of the site's region." }),
    ),
    departmentCode: Type.Optional(
      Type.String({ minLength: 1, description: 'ZGBMDM of GB/T 30428, where the city asks for it.' }),
    ),
    pollSeconds: Type.Number({
      minimum: 1,
      default: 15,
      description: 'How often status is asked for beside the webhook.',
    }),
    webhook: Type.Optional(
      Type.Object(
        {
          host: Type.String({ default: '127.0.0.1' }),
          port: Port(8090, 'Where the platform reports status to.'),
          path: Type.String({ default: '/webhook' }),
        },
        strict,
      ),
    ),
  },
  strict,
)

export const DisposalOverride = Type.Object(
  {
    key: Type.String({ description: 'A key of the disposal list, or a new one.' }),
    name: Type.Optional(Name),
    code: Type.Optional(Type.String({ pattern: '^[0-9x]{5,6}$' })),
    severity: Type.Optional(
      Type.Union(['informational', 'low', 'medium', 'high', 'critical'].map((value) => Type.Literal(value))),
    ),
    unit: Type.Optional(Name),
    respondWithinMinutes: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    resolveWithinMinutes: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    level: Type.Optional(Type.Union(['P', 'X', 'S', 'D'].map((value) => Type.Literal(value)))),
    report: Type.Optional(
      Type.Union(
        ['at-once', 'after-property', 'with-consent', 'never'].map((value) => Type.Literal(value)),
        {
          description:
            'When a case goes up to the city: at once, after the property failed or three repeats, with consent, never.',
        },
      ),
    ),
    opensCase: Type.Optional(Type.Boolean()),
    approvedBy: Type.Optional(Type.String({ description: 'Who in the city approved this row.' })),
  },
  strict,
)

const Options = Type.Record(Type.String(), Type.Unknown(), { default: {} })

export const SpeakerEntry = Type.Object(
  { id: Id, name: Name, place: PlaceRef, driver: Type.String(), options: Options },
  strict,
)

export const DoorEntry = Type.Object(
  { lift: Type.String({ description: 'A lift id.' }), driver: Type.String(), options: Options },
  strict,
)

export type LocalName = Static<typeof Name>
export type SecretRef = Static<typeof Secret>
export type DisposalOverrideConfig = Static<typeof DisposalOverride>
