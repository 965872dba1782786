import { type Static, Type } from 'typebox'
import { severities } from '../core/alarm.ts'
import { chainTasks, elderChainId, weekdays } from '../core/person.ts'
import { Id, Name, PlaceRef, strict } from './schema-entries.ts'

/* People: who is told of alarms, on which channels, in which order, and whom they look after. */

const oneOf = <T extends string>(values: readonly T[]) => values.map((value) => Type.Literal(value))

const TimeOfDay = (description: string) =>
  Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$', description })
const LocalDate = (description: string) => Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', description })
const LocalInstant = (description: string) =>
  Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]$', description })
const PersonIds = Type.Array(Type.String(), { description: 'Person ids.' })

export const PersonEntry = Type.Object(
  {
    id: Id,
    name: Type.String({ minLength: 1 }),
    duty: Type.String({
      minLength: 1,
      description: 'control-room, security, caregiver, community …; a chain may tell everyone of a duty.',
    }),
    channels: Type.Array(
      Type.Object(
        {
          notifier: Type.String({ description: 'A notifier id.' }),
          address: Type.Optional(
            Type.String({
              minLength: 1,
              description:
                'Telephone number (+86…), e-mail address or topic; for a group bot the number or user id to mention.',
            }),
          ),
        },
        strict,
      ),
      { default: [], description: 'How this person is reached, most wanted first.' },
    ),
    languages: Type.Array(Type.Union(oneOf(['zh-CN', 'en'] as const)), {
      minItems: 1,
      default: ['zh-CN', 'en'],
      description: 'Languages of what they are sent, first read first.',
    }),
    quietHours: Type.Optional(
      Type.Object(
        { from: TimeOfDay('Local time, e.g. 22:00.'), to: TimeOfDay('Local time, e.g. 07:00.') },
        { ...strict, description: 'Without messages every day; never holds back what is critical.' },
      ),
    ),
  },
  strict,
)

export const RotaEntry = Type.Object(
  {
    id: Id,
    shifts: Type.Array(
      Type.Object(
        {
          days: Type.Array(Type.Union(oneOf(weekdays)), {
            minItems: 1,
            description: 'mon, tue, wed, thu, fri, sat, sun.',
          }),
          from: TimeOfDay('Local time it begins.'),
          to: TimeOfDay('Local time it ends; at or before `from`: on the next day.'),
          people: PersonIds,
        },
        strict,
      ),
      { default: [], description: 'The ordinary week.' },
    ),
    holidays: Type.Array(
      Type.Object(
        {
          from: LocalDate('First day.'),
          to: LocalDate('Last day.'),
          like: Type.Union(oneOf(weekdays), { description: 'The day of the week they count as.' }),
        },
        strict,
      ),
      { default: [], description: 'Dates that count as another day of the week: holidays, days worked instead.' },
    ),
    overrides: Type.Array(
      Type.Object(
        {
          from: LocalInstant('Local instant it begins.'),
          to: LocalInstant('Local instant it ends.'),
          people: PersonIds,
        },
        strict,
      ),
      { default: [], description: 'Other people than the week says; the last that fits decides.' },
    ),
  },
  strict,
)

const Severities = Type.Array(Type.Union(oneOf(severities)), { minItems: 1, description: 'Alarm severities.' })

export const ChainEntry = Type.Object(
  {
    id: Id,
    repeatSeconds: Type.Integer({
      minimum: 30,
      default: 300,
      description: 'After the last step the chain begins anew after so long, until somebody answers.',
    }),
    steps: Type.Array(
      Type.Object(
        {
          afterSeconds: Type.Integer({ minimum: 0, description: 'After the alarm was raised.' }),
          tell: Type.Array(Type.String(), {
            default: [],
            description: 'contact-1, contact-2 … of the elder; a person or rota id; duty:<duty>; control-room.',
          }),
          channels: Type.Optional(
            Type.Array(Type.String(), {
              minItems: 1,
              description: 'Only channels of these notifier drivers, e.g. [voice]; all where absent.',
            }),
          ),
          severities: Type.Optional(Severities),
          task: Type.Optional(
            Type.Union(oneOf(chainTasks), { description: 'What the control room is asked to do now.' }),
          ),
        },
        strict,
      ),
      { minItems: 1 },
    ),
  },
  strict,
)

export const EscalationRules = Type.Object(
  {
    elders: Type.String({ default: elderChainId, description: 'Chain of elders that name none of their own.' }),
    alarms: Type.Array(
      Type.Object(
        {
          kinds: Type.Array(Type.String(), { minItems: 1, description: 'Alarm kinds, or ["*"].' }),
          severities: Type.Optional(Severities),
          chain: Type.String({ description: 'A chain id.' }),
        },
        strict,
      ),
      {
        default: [],
        description: 'Alarms that concern no elder: the first row that fits decides; none, none is told.',
      },
    ),
  },
  { ...strict, default: {} },
)

export const NotifierEntry = Type.Object(
  { id: Id, name: Name, driver: Type.String(), options: Type.Record(Type.String(), Type.Unknown(), { default: {} }) },
  strict,
)

export const ElderEntry = Type.Object(
  {
    id: Id,
    name: Type.String({ minLength: 1 }),
    place: Type.Object(
      {
        ...PlaceRef.properties,
        flat: Type.String({ minLength: 1, description: 'Home number as people say it: "301".' }),
      },
      strict,
    ),
    devices: Type.Array(Type.String(), {
      default: [],
      description: 'Device ids of this person: band, buttons, bed, doors, meters of the home.',
    }),
    bandPosition: Type.Union(oneOf(['wrist', 'waist'] as const), { default: 'wrist' }),
    oxygenScale: Type.Union([Type.Literal(1), Type.Literal(2)], {
      default: 1,
      description: 'NEWS2 scale; 2 for people whose target is 88–92 %, decided by a clinician.',
    }),
    contacts: Type.Array(Type.String(), {
      default: [],
      description: 'Person ids, first told first; they alone see this person.',
    }),
    chain: Type.Optional(Type.String({ description: 'A chain id, instead of escalation.elders.' })),
    consents: Type.Object(
      {
        city: Type.Boolean({ default: false, description: "Cases about this person may go to the city's platform." }),
        health: Type.Boolean({
          default: false,
          description: 'Vital signs and activity are kept and shown to the contacts.',
        }),
        recordedAt: Type.Optional(LocalDate('The day the consent was given.')),
        recordedBy: Type.Optional(Type.String({ minLength: 1, description: 'Who took it down.' })),
      },
      {
        ...strict,
        default: {},
        description: 'What the person or guardian has agreed to; without it, it does not happen.',
      },
    ),
  },
  strict,
)

export type WrittenPerson = Static<typeof PersonEntry>
export type WrittenRota = Static<typeof RotaEntry>
export type WrittenChain = Static<typeof ChainEntry>
export type WrittenElder = Static<typeof ElderEntry>
