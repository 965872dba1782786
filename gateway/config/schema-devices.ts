import { Type } from 'typebox'
import { deviceKinds } from '../core/device-kind.ts'
import { Id, Name, PlaceRef, strict } from './schema-entries.ts'

/* Devices of the site file, and how those that speak for many (bridges, platforms, field buses) are connected. */

const codecOptions = {
  default: 'gridgate-json',
  description: 'The family whose payloads it sends; auto recognises it by topic and payload.',
}

export const DeviceEntry = Type.Object(
  {
    id: Id,
    name: Name,
    kind: Type.Union(
      Object.keys(deviceKinds).map((kind) => Type.Literal(kind)),
      { description: 'What it is: decides which metrics are expected and which scenes watch it.' },
    ),
    place: PlaceRef,
    codec: Type.String(codecOptions),
    options: Type.Record(Type.String(), Type.Unknown(), { default: {}, description: 'Options of the codec.' }),
    topic: Type.Optional(
      Type.String({ minLength: 1, description: 'Its own topic, where it is not site/<site>/<id>/up.' }),
    ),
    address: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description:
          'Its name in its family, where many devices share topics: friendly name or IEEE address, devEUI, Tasmota topic, Shelly id, Sparkplug group/node/device …',
      }),
    ),
    heartbeatSeconds: Type.Number({
      minimum: 1,
      default: 3600,
      description: 'Silent for twice as long: offline.',
    }),
  },
  strict,
)

/** The same for editors, which complete the codecs there are. */
export const deviceEntry = (codecs: ReadonlyArray<{ kind: string }>): typeof DeviceEntry =>
  Type.Object(
    {
      ...DeviceEntry.properties,
      codec: Type.Union(
        codecs.map(({ kind }) => Type.Literal(kind)),
        codecOptions,
      ),
    },
    strict,
  ) as unknown as typeof DeviceEntry

export const Bridge = Type.Object(
  {
    id: Id,
    codec: Type.String({ default: 'auto', description: 'How its messages are read.' }),
    topics: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description: 'Topic filters it publishes on. `gridgate credentials` makes it an MQTT user that may.',
    }),
  },
  { ...strict, description: 'Something that publishes for many devices: Zigbee2MQTT, ChirpStack …' },
)

export const Integrations = Type.Object(
  {
    bridges: Type.Array(Bridge, { default: [], description: 'MQTT bridges whose topics differ from their makers’.' }),
  },
  { ...strict, default: {} },
)
