import { type Static, type TObject, type TSchema, Type } from 'typebox'

/*
 * The site file. One object per part of the compound; every key has a description (shown by editors through the
 * generated JSON Schema) and a default or a reason not to have one. Durations carry their unit in the name.
 */

const strict = { additionalProperties: false } as const

const Id = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
  description: 'Lower-case letters, digits and hyphens; unique among its kind. Appears in topics and URLs.',
})

const Name = Type.Object(
  { zh: Type.String({ minLength: 1 }), en: Type.String({ minLength: 1 }) },
  { ...strict, description: 'What people read, in Chinese and English.' },
)

const Secret = Type.Union(
  [
    Type.Object({ env: Type.String({ minLength: 1, description: 'Name of an environment variable.' }) }, strict),
    Type.Object({ file: Type.String({ minLength: 1, description: 'File holding only the secret.' }) }, strict),
  ],
  { description: 'A secret is never written here: name the environment variable or the file that holds it.' },
)

const Port = (value: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65535, default: value, description })

const PlaceRef = Type.Object(
  {
    building: Type.Optional(Type.String({ description: 'A building id. Derived when a lift is given.' })),
    unit: Type.Optional(Type.String({ description: 'A unit id of that building.' })),
    floor: Type.Optional(Type.String({ description: 'As people say it: "3", "B1".' })),
    lift: Type.Optional(Type.String({ description: 'A lift id.' })),
  },
  { ...strict, default: {}, description: 'Where it is; empty means the whole site.' },
)

const Zone = Type.Array(
  Type.Tuple([Type.Number({ minimum: 0, maximum: 1 }), Type.Number({ minimum: 0, maximum: 1 })]),
  { minItems: 3, description: 'Polygon in fractions of the picture, [x, y] from the top left.' },
)

const Camera = Type.Object(
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

const Retention = Type.Object(
  {
    evidenceDays: Type.Integer({
      minimum: 1,
      default: 30,
      description: 'Snapshots and clips; longer while a case is open.',
    }),
    telemetryDays: Type.Integer({ minimum: 1, default: 90 }),
  },
  { ...strict, default: {} },
)

const Upstream = Type.Object(
  {
    name: Id,
    kind: Type.String({ description: 'The dialect: grid-rest.' }),
    url: Type.String({ pattern: '^https?://' }),
    keyId: Type.String({ minLength: 1, description: 'Names the shared key at the platform.' }),
    secret: Secret,
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

const DisposalOverride = Type.Object(
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

const SpeakerEntry = Type.Object(
  { id: Id, name: Name, place: PlaceRef, driver: Type.String(), options: Options },
  strict,
)

const SceneEntry = Type.Object(
  {
    scene: Type.String(),
    lifts: Type.Optional(
      Type.Union([Type.Literal('all'), Type.Array(Type.String())], { description: 'One scene runs for each lift.' }),
    ),
    options: Options,
  },
  strict,
)

const DoorEntry = Type.Object(
  { lift: Type.String({ description: 'A lift id.' }), driver: Type.String(), options: Options },
  strict,
)

interface KnownDriver {
  kind: string
  options: TSchema
}

/** Options of the drivers a site may name; they live with the drivers and are handed in, so that config imports none. */
export interface DriverSchemas {
  speakers: readonly KnownDriver[]
  scenes: readonly KnownDriver[]
  doors: readonly KnownDriver[]
  codecs: readonly string[]
}

/**
 * `editor`: a union of every driver's options, for completion while typing. `check`: options are left open here and
 * checked against the named driver alone, because a union reports the problems of every branch.
 */
export type SchemaPurpose = 'editor' | 'check'

/** TypeBox schema of the whole site file. */
export function siteSchema(drivers: DriverSchemas, purpose: SchemaPurpose = 'check') {
  const perDriver = <Entry extends TObject>(
    entry: Entry,
    key: 'driver' | 'scene',
    known: readonly KnownDriver[],
  ): Entry => {
    if (purpose === 'check' || known.length === 0) return entry
    return Type.Union(
      known.map(({ kind, options }) =>
        Type.Object({ ...entry.properties, [key]: Type.Literal(kind), options: Type.Optional(options) }, strict),
      ),
    ) as unknown as Entry
  }
  return Type.Object(
    {
      site: Type.Object(
        {
          id: Id,
          name: Name,
          gridCell: Type.Optional(
            Type.String({ pattern: '^[0-9]{15}$', description: "The city's 15-digit grid cell." }),
          ),
          region: Type.Optional(
            Type.String({ pattern: '^[0-9]{6}$', description: 'Six digits of GB/T 2260, before matter codes.' }),
          ),
          language: Type.Union([Type.Literal('zh-CN'), Type.Literal('en')], {
            default: 'zh-CN',
            description: 'First language of console and voices.',
          }),
        },
        strict,
      ),
      dataDir: Type.String({
        default: './data',
        description: 'Databases, evidence, keys. Relative to the working directory.',
      }),
      http: Type.Object(
        {
          host: Type.String({
            default: '127.0.0.1',
            description: 'Address of console and API. Beyond loopback, configure tls.',
          }),
          port: Port(8080, 'Port of console and API.'),
          tls: Type.Optional(
            Type.Object(
              { key: Type.String({ description: 'PEM file.' }), cert: Type.String({ description: 'PEM file.' }) },
              strict,
            ),
          ),
        },
        { ...strict, default: {} },
      ),
      mqtt: Type.Object(
        {
          external: Type.Optional(
            Type.Object(
              {
                url: Type.String({
                  pattern: '^mqtts?://',
                  description: 'An external broker (Mosquitto, EMQX) instead of the embedded one.',
                }),
                username: Type.Optional(Type.String()),
                password: Type.Optional(Secret),
              },
              strict,
            ),
          ),
          host: Type.String({ default: '127.0.0.1', description: 'Address of the embedded broker.' }),
          port: Port(1883, 'Port of the embedded broker.'),
          tls: Type.Optional(
            Type.Object(
              {
                host: Type.String({ default: '127.0.0.1' }),
                port: Port(8883, 'TLS port of the embedded broker.'),
                key: Type.String({ description: 'PEM file.' }),
                cert: Type.String({ description: 'PEM file.' }),
                ca: Type.Optional(Type.String({ description: 'PEM file of the authority of client certificates.' })),
                requireCertificate: Type.Boolean({ default: false }),
              },
              strict,
            ),
          ),
          topics: Type.Array(Type.String(), {
            default: [],
            description: 'Topic filters beside site/<site>/+/up and /status that devices publish on.',
          }),
        },
        { ...strict, default: {} },
      ),
      buildings: Type.Array(
        Type.Object(
          {
            id: Id,
            name: Name,
            gridCell: Type.Optional(Type.String({ pattern: '^[0-9]{15}$' })),
            units: Type.Array(
              Type.Object({ id: Id, name: Name, floors: Type.Array(Type.String(), { default: [] }) }, strict),
              { default: [] },
            ),
          },
          strict,
        ),
        { default: [] },
      ),
      lifts: Type.Array(
        Type.Object({ id: Id, name: Name, building: Type.String(), unit: Type.Optional(Type.String()) }, strict),
        { default: [] },
      ),
      cameras: Type.Array(Camera, { default: [] }),
      devices: Type.Array(
        Type.Object(
          {
            id: Id,
            name: Name,
            kind: Type.String({ description: 'smoke, water-leak, door …' }),
            place: PlaceRef,
            codec: Type.Union(
              drivers.codecs.map((kind) => Type.Literal(kind)),
              { default: 'gridgate-json', description: 'How its payloads are read.' },
            ),
            topic: Type.Optional(Type.String({ description: 'Its own topic, where it is not site/<site>/<id>/up.' })),
            heartbeatSeconds: Type.Number({
              minimum: 1,
              default: 3600,
              description: 'Silent for twice as long: offline.',
            }),
          },
          strict,
        ),
        { default: [] },
      ),
      speakers: Type.Array(perDriver(SpeakerEntry, 'driver', drivers.speakers), { default: [] }),
      people: Type.Array(
        Type.Object(
          { id: Id, name: Type.String(), duty: Type.String({ description: 'control-room, security, caregiver …' }) },
          strict,
        ),
        { default: [] },
      ),
      scenes: Type.Array(perDriver(SceneEntry, 'scene', drivers.scenes), { default: [] }),
      doors: Type.Array(perDriver(DoorEntry, 'driver', drivers.doors), {
        default: [],
        description: 'Door hold, off unless a lift is listed here after a signed commissioning.',
      }),
      routing: Type.Array(
        Type.Object(
          {
            kinds: Type.Array(Type.String(), { description: 'Alarm kinds, or ["*"].' }),
            speakers: Type.Optional(
              Type.Array(Type.String(), { description: 'Speaker ids instead of those in the same lift or place.' }),
            ),
            languages: Type.Array(Type.Union([Type.Literal('zh-CN'), Type.Literal('en')]), {
              default: ['zh-CN'],
              description: 'Languages spoken, one after the other.',
            }),
            voice: Type.Boolean({ default: true }),
          },
          strict,
        ),
        { default: [], description: 'The first row that names an alarm kind decides where its voice is heard.' },
      ),
      models: Type.Object(
        {
          dir: Type.String({ default: './models', description: 'Folder of model folders.' }),
          lift: Type.String({ default: 'lift-nanodet', description: 'Model that looks into lift cabs.' }),
          workers: Type.Integer({ minimum: 1, maximum: 32, default: 2, description: 'Inference threads.' }),
        },
        { ...strict, default: {} },
      ),
      voiceDir: Type.Optional(
        Type.String({ description: 'Folder of recordings that replace shipped clips by file name.' }),
      ),
      disposal: Type.Array(DisposalOverride, {
        default: [],
        description: 'Rows that override the shipped disposal list.',
      }),
      upstreams: Type.Array(Upstream, { default: [], description: 'City platforms that cloud-bridge reports to.' }),
      bridge: Type.Object(
        {
          host: Type.String({ default: '127.0.0.1' }),
          port: Port(8081, "Port of the bridge's health and metrics page."),
          evidence: Type.Union([Type.Literal('none'), Type.Literal('snapshot'), Type.Literal('all')], {
            default: 'all',
            description: 'What of the cameras may leave the site with a case. Pictures are not masked.',
          }),
          gatewayUrl: Type.Optional(
            Type.String({ pattern: '^https?://', description: 'Where the bridge finds the gateway.' }),
          ),
        },
        { ...strict, default: {} },
      ),
      telemetry: Type.Object(
        {
          influx: Type.Optional(
            Type.Object(
              {
                url: Type.String({ pattern: '^https?://' }),
                org: Type.String({ default: '' }),
                bucket: Type.String(),
                token: Type.Optional(Secret),
                queryLanguage: Type.Union([Type.Literal('flux'), Type.Literal('influxql')], {
                  default: 'flux',
                  description: 'How it is read: flux for InfluxDB 2, influxql for InfluxDB 1 and 3.',
                }),
                maxBufferedPoints: Type.Integer({ minimum: 1000, default: 100_000 }),
              },
              { ...strict, description: 'InfluxDB instead of the built-in SQLite store.' },
            ),
          ),
        },
        { ...strict, default: {} },
      ),
      retention: Retention,
      log: Type.Object(
        {
          level: Type.Union(
            ['debug', 'info', 'warn', 'error'].map((value) => Type.Literal(value)),
            { default: 'info' },
          ),
        },
        { ...strict, default: {} },
      ),
    },
    { ...strict, $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'GridGate site file' },
  )
}

export type LocalName = Static<typeof Name>
export type SecretRef = Static<typeof Secret>
export type DisposalOverrideConfig = Static<typeof DisposalOverride>
export type WrittenSite = Static<ReturnType<typeof siteSchema>>
