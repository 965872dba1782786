import { type Static, Type } from 'typebox'
import { Id, LocalText } from './place.ts'

/* What `/devices` takes and answers when people register devices. What is written is checked by the site file's rules. */

const fields = {
  name: LocalText,
  kind: Type.String({ description: 'of the catalogue: smoke, sos, door …' }),
  place: Type.Record(Type.String(), Type.String(), { description: 'building, unit, floor, lift, flat' }),
  codec: Type.String({ description: 'the family whose payloads it sends' }),
  options: Type.Record(Type.String(), Type.Unknown(), { description: 'of the codec' }),
  address: Type.String({ description: 'its name in its family, where it is heard through a bridge' }),
  groups: Type.Array(Type.String(), { description: 'free labels' }),
  heartbeatSeconds: Type.Number({ description: 'silent for twice as long: offline' }),
  elder: Type.String({ description: 'id of the elder whose it is' }),
  modbus: Type.Record(Type.String(), Type.Unknown(), {
    description:
      'where its values stand in a Modbus TCP device: host, port, unit, pollSeconds, timeoutSeconds and registers of metric, table, address, type, swapWords, factor, offset',
  }),
}
const { elder, modbus, address } = fields
/** What a device has or has not; null takes it away. */
const takenAway = {
  elder: Type.Optional(Type.Union([elder, Type.Null()])),
  modbus: Type.Optional(Type.Union([modbus, Type.Null()])),
  address: Type.Optional(Type.Union([address, Type.Null()])),
}
const { name: _, kind: __, ...others } = fields
const strict = { additionalProperties: false }

/** Body of `POST /devices`. */
export const NewDevice = Type.Object(
  {
    id: Id,
    name: fields.name,
    kind: fields.kind,
    ...Type.Partial(Type.Object(others)).properties,
  },
  { ...strict, title: 'NewDevice' },
)
export type NewDevice = Static<typeof NewDevice>

/** Body of `PATCH /devices/:id`. */
export const DeviceChange = Type.Object(
  {
    ...Type.Partial(Type.Object({ ...fields })).properties,
    ...takenAway,
  },
  { ...strict, title: 'DeviceChange' },
)
export type DeviceChange = Static<typeof DeviceChange>

export const MqttCredentials = Type.Object(
  {
    username: Type.String({ description: 'also its client id' }),
    password: Type.String({ description: 'told this once' }),
    topic: Type.String({ description: 'where it publishes its readings' }),
  },
  { title: 'MqttCredentials' },
)
export type MqttCredentials = Static<typeof MqttCredentials>

export const RegisteredDevice = Type.Object(
  {
    device: Type.Object({
      id: Id,
      ...fields,
      address: Type.Optional(address),
      elder: Type.Optional(elder),
      modbus: Type.Optional(modbus),
    }),
    credentials: Type.Optional(MqttCredentials),
  },
  { title: 'RegisteredDevice' },
)
export type RegisteredDevice = Static<typeof RegisteredDevice>

const Ids = Type.Array(Type.String())
export const ImportReport = Type.Object(
  {
    isDryRun: Type.Boolean(),
    added: Ids,
    changed: Ids,
    unchanged: Ids,
    ofSiteFile: Type.Array(Type.String(), { description: 'rows left out: these devices are changed in the site file' }),
    credentials: Type.Array(MqttCredentials, { description: 'of those that log in themselves; told this once' }),
  },
  { title: 'ImportReport' },
)
export type ImportReport = Static<typeof ImportReport>
