import { type Static, type TObject, type TSchema, Type } from 'typebox'
import { DeviceEntry, deviceEntry, Integrations } from './schema-devices.ts'
import {
  Camera,
  DisposalOverride,
  DoorEntry,
  Id,
  Name,
  Port,
  Retention,
  Secret,
  SpeakerEntry,
  strict,
  Upstream,
} from './schema-entries.ts'
import { Learning, Models } from './schema-learning.ts'
import { ChainEntry, ElderEntry, EscalationRules, NotifierEntry, PersonEntry, RotaEntry } from './schema-people.ts'
import { SceneEntry } from './schema-scenes.ts'
import { SelfTestEntry } from './schema-self-test.ts'

/*
 * The site file. One object per part of the compound; every key has a description (shown by editors through the
 * generated JSON Schema) and a default or a reason not to have one. Durations carry their unit in the name.
 */

interface KnownDriver {
  kind: string
  options: TSchema
}

/** Options of the drivers a site may name; they live with the drivers and are handed in, so that config imports none. */
export interface DriverSchemas {
  speakers: readonly KnownDriver[]
  scenes: readonly KnownDriver[]
  doors: readonly KnownDriver[]
  notifiers: readonly KnownDriver[]
  codecs: readonly KnownDriver[]
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
          timeZone: Type.String({
            default: 'Asia/Shanghai',
            description: 'IANA name; rotas, quiet hours and nights are in its local time.',
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
          trustProxy: Type.Array(Type.String({ minLength: 1 }), {
            default: [],
            description: 'Addresses or CIDR blocks of reverse proxies whose X-Forwarded-* headers are believed.',
          }),
          metricsToken: Type.Optional(Secret),
          publicUrl: Type.Optional(
            Type.String({
              pattern: '^https?://[^/?#]+(/[^?#]*)?$',
              description: 'Where people outside reach this gateway; messages carry answer links only where it is set.',
            }),
          ),
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
      devices: Type.Array(purpose === 'check' ? DeviceEntry : deviceEntry(drivers.codecs), { default: [] }),
      integrations: Integrations,
      speakers: Type.Array(perDriver(SpeakerEntry, 'driver', drivers.speakers), { default: [] }),
      notifiers: Type.Array(perDriver(NotifierEntry, 'driver', drivers.notifiers), {
        default: [],
        description: 'Channels to people: group bots, SMS, voice calls, e-mail, push.',
      }),
      people: Type.Array(PersonEntry, { default: [], description: 'Who is told of alarms, and how.' }),
      rotas: Type.Array(RotaEntry, { default: [], description: 'Who is on duty when.' }),
      chains: Type.Array(ChainEntry, { default: [], description: 'Who is told next while nobody answers.' }),
      escalation: EscalationRules,
      elders: Type.Array(ElderEntry, { default: [], description: 'People who are looked after.' }),
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
      models: Models,
      learning: Learning,
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
      selfTest: SelfTestEntry,
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

export type WrittenSite = Static<ReturnType<typeof siteSchema>>
