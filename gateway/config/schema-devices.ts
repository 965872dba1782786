import { Type } from 'typebox'
import { deviceKinds } from '../core/device-kind.ts'
import { Id, Name, PlaceRef, Port, Secret, strict } from './schema-entries.ts'

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
    groups: Type.Array(Type.String({ minLength: 1, maxLength: 40, pattern: '^[^;,\\r\\n]+$' }), {
      default: [],
      maxItems: 20,
      description: 'Labels to find it by on the console.',
    }),
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

const point = {
  metric: Type.String({ pattern: '^[a-z][A-Za-z0-9]{0,63}$', description: 'powerWatts, temperatureCelsius …' }),
  table: Type.Union(
    ['holding', 'input', 'coil', 'discrete'].map((value) => Type.Literal(value)),
    { default: 'holding' },
  ),
  address: Type.Integer({ minimum: 0, maximum: 65535, description: 'As on the wire, counted from 0: 40001 is 0.' }),
  type: Type.Union(
    ['uint16', 'int16', 'uint32', 'int32', 'float32', 'boolean'].map((value) => Type.Literal(value)),
    { default: 'uint16' },
  ),
  swapWords: Type.Boolean({ default: false, description: 'Low word first, of 32-bit types.' }),
  factor: Type.Number({ default: 1, description: 'The raw value is multiplied by this …' }),
  offset: Type.Number({ default: 0, description: '… and then this is added.' }),
}
const Register = Type.Object({ device: Type.String({ description: 'A device id; its values.' }), ...point }, strict)

const modbusFields = {
  host: Type.String({ minLength: 1 }),
  port: Port(502, 'Modbus TCP.'),
  unit: Type.Integer({ minimum: 0, maximum: 255, default: 1, description: 'Slave or unit id.' }),
  pollSeconds: Type.Number({ minimum: 1, default: 10 }),
  timeoutSeconds: Type.Number({ minimum: 0.2, default: 3, description: 'Without an answer for so long: lost.' }),
}

const Modbus = Type.Object(
  { id: Id, ...modbusFields, registers: Type.Array(Register, { minItems: 1 }) },
  { ...strict, description: 'A Modbus TCP device or converter, polled by a map of its registers.' },
)

/** Of a device that people register: the map of its own registers. */
export const DeviceModbus = Type.Object(
  { ...modbusFields, registers: Type.Array(Type.Object(point, strict), { minItems: 1, maxItems: 200 }) },
  strict,
)

const Push = Type.Object(
  {
    id: Id,
    codec: Type.String({ default: 'http-push', description: 'How its messages are read.' }),
    token: Secret,
  },
  { ...strict, description: 'A platform that posts to /api/v1/devices/push/<id> with a bearer token.' },
)

const HomeAssistant = Type.Object(
  {
    publish: Type.Boolean({ default: false, description: 'Show devices and alarms to Home Assistant.' }),
    prefix: Type.String({ default: 'homeassistant', pattern: '^[^+#]+$', description: 'Its discovery prefix.' }),
    devices: Type.Array(Type.String(), {
      default: [],
      description:
        'Device ids that are shown; none named: all but those of elders and those that tell of a person (band, bed, radar, SOS).',
    }),
  },
  { ...strict, default: {} },
)

export const Integrations = Type.Object(
  {
    modbus: Type.Array(Modbus, { default: [] }),
    push: Type.Array(Push, { default: [], description: 'NB-IoT platforms that push by HTTP.' }),
    homeAssistant: HomeAssistant,
    bridges: Type.Array(Bridge, { default: [], description: 'MQTT bridges whose topics differ from their makers’.' }),
  },
  { ...strict, default: {} },
)
