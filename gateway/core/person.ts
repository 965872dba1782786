import type { Severity } from './alarm.ts'

/** The languages texts for people exist in. */
export type Language = 'zh-CN' | 'en'

/** Somebody who is told of alarms: a caregiver, a guard, the control room. */
export interface Person {
  id: string
  name: string
  /** What they are here for: `control-room`, `security`, `caregiver`, `community` … */
  duty: string
  /** How they are reached, most wanted first; may be empty for those who only look at the console. */
  channels: readonly PersonChannel[]
  /** Languages of what they are sent, first read first. */
  languages: readonly Language[]
  /** Local time of day without messages; never holds back what is critical. */
  quietHours?: DailyWindow
}

export interface PersonChannel {
  /** Id of a notifier of the site. */
  notifier: string
  /** Their address there: telephone number, e-mail address, topic, user id; absent where the notifier is the address. */
  address?: string
}

/** Minutes after local midnight, 0–1440. `from` at or after `to`: the window runs past midnight. */
export interface DailyWindow {
  fromMinute: number
  toMinute: number
}

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof weekdays)[number]

/** Who is on duty when, in local time. */
export interface Rota {
  id: string
  /** IANA name, e.g. `Asia/Shanghai`. */
  timeZone: string
  shifts: ReadonlyArray<{ days: readonly Weekday[]; window: DailyWindow; people: readonly string[] }>
  /** Dates (`YYYY-MM-DD`, both included) that count as another day of the week: holidays, days worked instead. */
  holidays: ReadonlyArray<{ from: string; to: string; like: Weekday }>
  /** Local instants (`YYYY-MM-DDTHH:MM`, end not included) with other people than the week says; the last one wins. */
  overrides: ReadonlyArray<{ from: string; to: string; people: readonly string[] }>
}

/** Whom a step tells. */
export type ChainTarget =
  | { type: 'person'; id: string }
  | { type: 'rota'; id: string }
  /** Everyone with this duty. `control-room` is the control room itself: its people, and the console. */
  | { type: 'duty'; duty: string }
  /** The n-th contact of the elder concerned, from 1; nobody where the alarm concerns none. */
  | { type: 'contact'; nth: number }

/** What the control room is asked to do, in words the console and the messages know. */
export const chainTasks = ['call-and-send-guard', 'call-120', 'call-119'] as const
export type ChainTask = (typeof chainTasks)[number]

export interface ChainStep {
  /** After the alarm was raised. */
  afterMs: number
  tell: readonly ChainTarget[]
  /** Drivers of the channels used (`voice`, `sms` …); every channel of a person where absent. */
  channels?: readonly string[]
  /** Alarms of these severities take the step; all where absent. */
  severities?: readonly Severity[]
  task?: ChainTask
}

/** Steps until somebody answers. */
export interface Chain {
  id: string
  /** In the order of time. */
  steps: readonly ChainStep[]
  /** After the last step the chain begins anew after so long, for as long as nobody answers. */
  repeatMs: number
}

/** Id of the chain that is always there; a chain of the site file with this id takes its place. */
export const elderChainId = 'elder'

const controlRoom: ChainTarget = { type: 'duty', duty: 'control-room' }
const urgent: readonly Severity[] = ['high', 'critical']

/**
 * What happens at an elder's alarm unless the site says otherwise: at once the first contact on every channel and the
 * control room; after 60 s the second contact, and a call to the first; after 180 s the control room must call and
 * send a guard; after 300 s it is asked to call 120, and the community worker is told. What is of medium severity is
 * told to the first contact and the control room; what is low is for the console alone.
 */
export const elderChain: Chain = {
  id: elderChainId,
  repeatMs: 300_000,
  steps: [
    { afterMs: 0, tell: [{ type: 'contact', nth: 1 }, controlRoom], severities: ['medium', ...urgent] },
    { afterMs: 60_000, tell: [{ type: 'contact', nth: 2 }], severities: urgent },
    { afterMs: 60_000, tell: [{ type: 'contact', nth: 1 }], channels: ['voice'], severities: urgent },
    {
      afterMs: 180_000,
      tell: [controlRoom, { type: 'duty', duty: 'security' }],
      severities: urgent,
      task: 'call-and-send-guard',
    },
    {
      afterMs: 300_000,
      tell: [controlRoom, { type: 'duty', duty: 'community' }],
      severities: urgent,
      task: 'call-120',
    },
  ],
}
