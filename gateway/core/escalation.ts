import type { Alarm, Phrase, Severity } from './alarm.ts'
import type { Chain, ChainStep, ChainTask } from './person.ts'
import { type Refusal, refuse } from './refusal.ts'

/**
 * An alarm's response: who was told, and who answered. One record beside the alarm's two facts (active,
 * acknowledged); it ends by people, never by the alarm clearing.
 *
 *   calling ──somebody answers──▶ answered ──is there──▶ arrived ──is settled──▶ resolved
 *      │  ▲                          (each may be skipped: who resolves has answered)
 *      └──┘ step after step; after the last, `repeatMs` later, the first again
 *
 * An alarm that weighs more while people are called takes the steps of its new severity that have not been taken in
 * this round, those whose time has passed at once (`replan`). Once somebody has answered the calling does not start
 * over: who answered is told. What was settled and weighs more than it ever did is a new alarm
 * (docs/decisions/0033).
 *
 * Timers: in `calling`, `nextAt` is when the next step is due, counted from the alarm, from the start of the round
 * after that; in every other state there is none. It is stored with the alarm, so a step that came due while the
 * gateway was down runs at the start. When the clock is set back, timers are set back with it. Sending never ends
 * `calling`, nor does a channel's "accepted", nor does a page that was opened: only an answer does. Acknowledging at the console is an answer of the control room; a verdict
 * settles the response as a false alarm, or answers it as confirmed. Settling acknowledges the alarm; answering and
 * arriving do not: the control room goes on hearing of what is not over (docs/decisions/0029).
 * When everyone told in a round could not be reached, the next step is due at once.
 */
export const responseStates = ['calling', 'answered', 'arrived', 'resolved'] as const
export type ResponseState = (typeof responseStates)[number]
export type AnswerType = Exclude<ResponseState, 'calling'>

export interface Answer {
  type: AnswerType
  at: number
  /** Person id of a link, user id of the console. */
  by: string
  /** `link`: the signed page; `console`: the control room; `page`: a caregiver who is logged in; `call`: a key pressed. */
  via: 'link' | 'console' | 'page' | 'call'
  /** What was found or done, in their own words. */
  note?: string
}

export interface Response {
  chain: string
  state: ResponseState
  startedAt: number
  /** 0, 1, 2 … */
  round: number
  roundStartedAt: number
  /** Index in the chain's steps of the next to run. */
  nextStep: number
  nextAt?: number
  /** The round whose steps were taken last, and which; absent before the first step. */
  lastRound?: { round: number; startedAt: number; steps: readonly number[] }
  /** The heaviest the alarm has been until it was settled; absent: what it is. */
  worst?: Severity
  /** What the control room was asked to do, newest last, each once a round; at most 20. */
  tasks: ReadonlyArray<{ task: ChainTask; at: number }>
  /** In the order of time; at most 20. The first of each type is when it was. */
  answers: readonly Answer[]
  /** Notices ever made for this alarm: numbers the next. */
  notices: number
}

/** One message to one person on one channel, and what became of it. */
export interface Notice {
  /** Unique within the alarm. */
  id: string
  at: number
  round: number
  step: number
  person: string
  notifier: string
  /**
   * `waiting` until the channel takes it; `quiet`: held back by quiet hours; `withdrawn`: somebody answered before it
   * was sent.
   */
  state: 'waiting' | 'accepted' | 'failed' | 'quiet' | 'withdrawn'
  triedAt?: number
  acceptedAt?: number
  /** The telephone has it, as far as its network says so. */
  deliveredAt?: number
  failedAt?: number
  /** The channel's own words, or why it failed. */
  reply?: string
  /** The same for translation. */
  phrases?: readonly Phrase[]
  /** The channel's number for the message. */
  reference?: string
  /** The page behind its link was opened, as far as a browser says so. */
  seenAt?: number
  answeredAt?: number
}

/** What became of a notice. */
export type Receipt = Pick<Notice, 'id' | 'state'> &
  Partial<Pick<Notice, 'triedAt' | 'acceptedAt' | 'deliveredAt' | 'failedAt' | 'reply' | 'phrases' | 'reference'>>

/** A step that has come due. */
export interface DueStep {
  round: number
  index: number
  step: ChainStep
}

const keptNotices = 40
const keptAnswers = 20
const keptTasks = 20

/** The response of a new alarm; undefined where the chain has no step for its severity. */
export function beginResponse(chain: Chain, severity: Severity, at: number): Response | undefined {
  const first = nextStepOf(chain, severity, 0)
  if (first === undefined) return undefined
  return {
    chain: chain.id,
    state: 'calling',
    startedAt: at,
    round: 0,
    roundStartedAt: at,
    nextStep: first,
    nextAt: at + chain.steps[first]!.afterMs,
    worst: severity,
    tasks: [],
    answers: [],
    notices: 0,
  }
}

/**
 * Takes the steps that are due. Of rounds missed while the gateway was down only one is made up for: it tells
 * everybody it would have told.
 */
export function takeDue(
  chain: Chain,
  response: Response,
  severity: Severity,
  at: number,
): { response: Response; due: DueStep[] } {
  const due: DueStep[] = []
  let current = response
  while (current.state === 'calling' && current.nextAt !== undefined && current.nextAt <= at) {
    const index = nextStepOf(chain, severity, current.nextStep, takenOf(current))
    const step = index === undefined ? undefined : chain.steps[index]
    if (step && index !== undefined) {
      due.push({ round: current.round, index, step })
      current = withTaken(current, index)
      if (step.task) current = { ...current, tasks: [...current.tasks, { task: step.task, at }].slice(-keptTasks) }
    }
    const next = index === undefined ? undefined : nextStepOf(chain, severity, index + 1, takenOf(current))
    if (next !== undefined) {
      current = { ...current, nextStep: next, nextAt: current.roundStartedAt + chain.steps[next]!.afterMs }
      continue
    }
    // The round is over; the next begins `repeatMs` from now, however late this one was.
    const first = nextStepOf(chain, severity, 0)
    if (first === undefined) {
      const { nextAt: _, ...ended } = current
      return { response: ended, due }
    }
    const roundStartedAt = at + chain.repeatMs
    current = {
      ...current,
      round: current.round + 1,
      roundStartedAt,
      nextStep: first,
      nextAt: roundStartedAt + chain.steps[first]!.afterMs,
    }
  }
  return { response: current, due }
}

/**
 * The response of an alarm that weighs more than a moment ago: next is the first step of its new severity that was not
 * taken in this round. Its time counts from the start of the round; one that has passed is now.
 */
export function replan(chain: Chain, response: Response, severity: Severity, at: number): Response {
  if (response.state !== 'calling') return response
  const { round, startedAt, steps } = response.lastRound ?? {
    ...{ round: response.round, startedAt: response.roundStartedAt, steps: [] },
  }
  const missing = nextStepOf(chain, severity, 0, steps)
  if (missing !== undefined) {
    const planned = round === response.round ? response.nextAt : undefined
    const dueAt = Math.max(at, startedAt + chain.steps[missing]!.afterMs)
    // Brought forward because nobody could be reached: it stays so.
    const nextAt = Math.min(dueAt, planned ?? dueAt)
    if (missing === response.nextStep && nextAt === planned) return response
    return { ...response, round, roundStartedAt: startedAt, nextStep: missing, nextAt }
  }
  const first = nextStepOf(chain, severity, 0)
  if (response.nextAt !== undefined || first === undefined) return response
  // All of them were taken before it weighed so little that nobody was called any more.
  const next = { round: round + 1, roundStartedAt: at, nextStep: first, nextAt: at + chain.steps[first]!.afterMs }
  return { ...response, ...next }
}

/** The same timers by a clock that was set by so much; negative: back. */
export function shiftTimers(response: Response, byMs: number): Response {
  const { startedAt, roundStartedAt, nextAt, lastRound } = response
  return {
    ...response,
    ...{ startedAt: startedAt + byMs, roundStartedAt: roundStartedAt + byMs },
    ...(nextAt === undefined ? {} : { nextAt: nextAt + byMs }),
    ...(lastRound ? { lastRound: { ...lastRound, startedAt: lastRound.startedAt + byMs } } : {}),
  }
}

/** No step of this chain is ever further ahead; one that is was planned by another clock. */
export function longestWaitMs(chain: Chain): number {
  return chain.repeatMs + Math.max(0, ...chain.steps.map(({ afterMs }) => afterMs))
}

/**
 * What quiet hours held back in this round, to be told now. The notices held back stay on record; the new ones have no
 * number yet.
 */
export function heldBack({ response, told = [] }: Pick<Alarm, 'response' | 'told'>): Notice[] {
  const round = response?.lastRound?.round
  const key = ({ person, notifier }: Notice) => `${person} ${notifier}`
  const ofRound = told.filter((notice) => notice.round === round)
  const loud = new Set(ofRound.filter(({ state }) => state !== 'quiet').map(key))
  return ofRound.filter((notice) => notice.state === 'quiet' && !loud.has(key(notice)))
}

/** The step that is taken at `nextAt` unless somebody answers first; undefined where none is. */
export function upcomingStep(
  chain: Chain,
  response: Response,
  severity: Severity,
): (DueStep & { at: number }) | undefined {
  if (response.state !== 'calling' || response.nextAt === undefined) return undefined
  const index = nextStepOf(chain, severity, response.nextStep, takenOf(response))
  const step = index === undefined ? undefined : chain.steps[index]
  return step && index !== undefined ? { round: response.round, index, step, at: response.nextAt } : undefined
}

/** The response after an answer, or why it counts for nothing. */
export function respond(response: Response, answer: Answer): Response | Refusal {
  if (response.state === 'resolved') return refuse('alarm-resolved')
  const isRepeat = response.answers.some(({ type, by }) => type === answer.type && by === answer.by)
  if (isRepeat) return refuse('answered-before', { by: answer.by, answer: answer.type })
  const state =
    responseStates.indexOf(answer.type) > responseStates.indexOf(response.state) ? answer.type : response.state
  const { nextAt: _, ...rest } = response
  return { ...rest, state, answers: [...response.answers, answer].slice(-keptAnswers) }
}

/** When it was first answered, reached, or settled; one that came later stands for those skipped. */
export function responseTimes(response: Response): Partial<Record<AnswerType, Answer>> {
  const firstFrom = (least: number) => response.answers.find(({ type }) => responseStates.indexOf(type) >= least)
  const times: Partial<Record<AnswerType, Answer>> = {}
  const answered = firstFrom(1)
  const arrived = response.answers.find(({ type }) => type === 'arrived')
  const resolved = response.answers.find(({ type }) => type === 'resolved')
  if (answered) times.answered = answered
  if (arrived) times.arrived = arrived
  if (resolved) times.resolved = resolved
  return times
}

/** Notices with new ones added; the oldest that are done with go first when there are too many. */
export function addNotices(told: readonly Notice[], added: readonly Notice[]): Notice[] {
  const all = [...told, ...added]
  let surplus = all.length - keptNotices
  return all.filter(({ state }) => state === 'waiting' || surplus-- <= 0)
}

/** The alarm's response and notices after receipts; brings the next step forward when nobody could be reached. */
export function takeReceipts(
  alarm: Pick<Alarm, 'response' | 'told'>,
  receipts: readonly Receipt[],
  at: number,
): Pick<Alarm, 'response' | 'told'> {
  const byId = new Map(receipts.map((receipt) => [receipt.id, receipt]))
  const told = (alarm.told ?? []).map((notice) => ({ ...notice, ...byId.get(notice.id) }))
  const { response } = alarm
  if (response?.state !== 'calling' || response.nextAt === undefined || response.nextAt <= at)
    return { ...(response ? { response } : {}), told }
  const ofRound = told.filter(({ round }) => round === response.round)
  const isUnreached = ofRound.length > 0 && ofRound.every(({ state }) => state === 'failed')
  // Once the control room has been asked to act, it knows: what follows keeps its time.
  const hasAsked = response.tasks.some((task) => task.at >= response.roundStartedAt)
  return { response: isUnreached && !hasAsked ? { ...response, nextAt: at } : response, told }
}

/** Notices of a person with an instant set where it was not. */
export function markNotices(
  told: readonly Notice[] | undefined,
  person: string,
  key: 'seenAt' | 'answeredAt',
  at: number,
): Notice[] {
  return (told ?? []).map((notice) =>
    notice.person === person && notice[key] === undefined ? { ...notice, [key]: at } : notice,
  )
}

/** Steps taken of the round under way. */
function takenOf({ lastRound, round }: Response): readonly number[] {
  return lastRound?.round === round ? lastRound.steps : []
}

function withTaken(response: Response, index: number): Response {
  const { round, roundStartedAt: startedAt } = response
  return { ...response, lastRound: { round, startedAt, steps: [...takenOf(response), index] } }
}

/** Index of the first step from `from` on that alarms of this severity take, `taken` ones left out. */
function nextStepOf(chain: Chain, severity: Severity, from: number, taken: readonly number[] = []): number | undefined {
  for (let index = from; index < chain.steps.length; index++) {
    const { severities } = chain.steps[index]!
    if ((!severities || severities.includes(severity)) && !taken.includes(index)) return index
  }
  return undefined
}
