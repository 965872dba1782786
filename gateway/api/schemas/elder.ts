import { type Static, Type } from 'typebox'
import { Alarm, AlarmState, Severity } from './alarm.ts'
import { Device, Value } from './device.ts'
import { Instant } from './instant.ts'
import { Id, LocalText, Place } from './place.ts'
import { Response } from './response.ts'
import { Why } from './why.ts'

/** An alarm in one line. */
const AlarmLine = Type.Object({
  id: Id,
  kind: Type.String(),
  name: LocalText,
  severity: Severity,
  state: AlarmState,
  raisedAt: Instant,
  response: Type.Optional(Response),
})

/** How somebody who is looked after is, at a glance. */
export const ElderGlance = Type.Object(
  {
    id: Id,
    name: Type.String(),
    place: Place,
    where: LocalText,
    lastSeenAt: Type.Optional(
      Type.Unsafe<string>({ ...Instant, description: 'when any device of the home was last heard of' }),
    ),
    devicesUp: Type.Integer({ minimum: 0 }),
    devicesDown: Type.Integer({ minimum: 0 }),
    openAlarms: Type.Array(AlarmLine, { description: 'active, or not resolved yet; newest first' }),
    vitals: Type.Optional(
      Type.Array(Type.Object({ metric: Type.String(), value: Value, at: Instant, device: Id }), {
        description: 'newest value of each, whichever device has it; absent without consent to health data',
      }),
    ),
  },
  { title: 'ElderGlance' },
)
export type ElderGlance = Static<typeof ElderGlance>

export const ElderList = Type.Object({ items: Type.Array(ElderGlance) }, { title: 'ElderList' })
export type ElderList = Static<typeof ElderList>

const Contact = Type.Object({ id: Id, name: Type.String(), duty: Type.String() })

/** Everything the page of one elder shows. */
export const ElderView = Type.Object(
  {
    ...ElderGlance.properties,
    bandPosition: Type.Enum(['wrist', 'waist']),
    oxygenScale: Type.Union([Type.Literal(1), Type.Literal(2)]),
    contacts: Type.Array(Contact, { description: 'first told first' }),
    consents: Type.Object({
      city: Type.Boolean(),
      health: Type.Boolean(),
      recordedAt: Type.Optional(Instant),
      recordedBy: Type.Optional(Type.String()),
    }),
    devices: Type.Array(Device, {
      description: 'with the newest values; without consent to health data only whether they are up',
    }),
    alarms: Type.Array(Alarm, { description: 'newest first, at most 50; more by GET /elders/:id/alarms' }),
  },
  { title: 'Elder' },
)
export type ElderView = Static<typeof ElderView>

/** Names to the person ids in notices and answers. */
export const PersonList = Type.Object({ items: Type.Array(Contact) }, { title: 'PersonList' })
export type PersonList = Static<typeof PersonList>

/** A channel to people, and whether it works. */
export const Channel = Type.Object(
  {
    notifier: Id,
    channel: Type.String({ description: 'driver: dingtalk, sms, voice …' }),
    state: Type.Enum(['unknown', 'up', 'down'], { description: 'unknown until the first message' }),
    since: Instant,
    reason: Type.Optional(Type.String({ description: 'why it was lost' })),
    hint: Type.Optional(Type.String({ description: 'what can be done about it' })),
    phrases: Type.Optional(
      Type.Unsafe<readonly Why[]>(Type.Array(Why, { description: 'reason and hint for translation' })),
    ),
    waiting: Type.Integer({ minimum: 0 }),
  },
  { title: 'Channel' },
)
export type Channel = Static<typeof Channel>
export const ChannelList = Type.Object({ items: Type.Array(Channel) }, { title: 'ChannelList' })

/** What a browser must know to subscribe. */
export const PushKey = Type.Object(
  {
    publicKey: Type.String({ description: 'VAPID, base64url' }),
    isTold: Type.Boolean({
      description: 'false: the account is of no person whom the site file tells on this channel',
    }),
  },
  { title: 'PushKey' },
)
export type PushKey = Static<typeof PushKey>

/** A browser's subscription, as `PushManager.subscribe` gives it. */
export const PushSubscriptionRequest = Type.Object(
  {
    endpoint: Type.String({ pattern: '^https://', maxLength: 1000 }),
    keys: Type.Object(
      {
        p256dh: Type.String({ pattern: '^[A-Za-z0-9_-]{87}$' }),
        auth: Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' }),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false, title: 'PushSubscription' },
)
export type PushSubscriptionRequest = Static<typeof PushSubscriptionRequest>
