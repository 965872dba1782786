import type { Actor, Phrase } from './alarm.ts'
import type { Weekday } from './person.ts'
import type { Refusal } from './refusal.ts'

/** One link of the chain, and whether it held. `skipped`: something more urgent came first, or it was not the hour. */
export interface SelfTestPart {
  part: 'button' | 'broker' | 'alarm' | 'speaker' | 'person'
  /** Of the button, speaker or notifier and person. */
  id: string
  state: 'ok' | 'failed' | 'skipped'
  /** What the device, the speaker or the channel said. */
  reply?: string
  /** The same for translation. */
  phrases?: readonly Phrase[]
  /** From asking to the answer. */
  tookMs?: number
}

/** What the gateway itself says of a part, with what is put into it. */
export const selfTestWords = {
  'button-never': 'never heard',
  'button-silent': 'last heard {at}, silent since',
  'button-low': 'heard {at}, battery low',
  'button-heard': 'heard {at}',
  'nothing-came-back': 'nothing came back in {seconds} s',
  'quiet-hours': 'quiet hours',
  'told-once': 'already told by this channel',
} as const

export interface SelfTestReport {
  isPassed: boolean
  startedAt: number
  endedAt: number
  parts: readonly SelfTestPart[]
}

/** The weekly self-test as people see it. Instants are epoch ms. */
export interface SelfTestStatus {
  /** Whether it comes by itself every week. */
  isEnabled: boolean
  day: Weekday
  /** `HH:MM` in the site's time. */
  at: string
  isRunning: boolean
  /** The last that came to its end; absent before the first. */
  last?: SelfTestReport
}

export interface SelfTestService {
  status(): SelfTestStatus
  /** Begins one now; its report follows within minutes. Refused while one runs or something urgent is open. */
  begin(by: Actor): SelfTestStatus | Refusal
}
