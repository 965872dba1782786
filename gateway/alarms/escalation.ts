import { type Actor, type Alarm, type AlarmTransition, isHeavier, isRefusal, type Severity } from '../core/alarm.ts'
import { tell } from '../core/channel-words.ts'
import type { Elder } from '../core/elder.ts'
import {
  beginResponse,
  type DueStep,
  heldBack,
  longestWaitMs,
  type Notice,
  type Receipt,
  type Response,
  replan,
  shiftTimers,
  takeDue,
  upcomingStep,
} from '../core/escalation.ts'
import type { Chain, ChainStep, ChainTask, Person, Rota } from '../core/person.ts'
import type { Courier, Delivery, PushedReceipt, ResponseService, Store } from '../core/ports.ts'
import { createWallClock, isWithin, type WallTime, whoIsMeant } from '../core/rota.ts'
import { changeAlarm } from './change.ts'
import { personMessage, type Words } from './person-message.ts'
import { createReceiptBook } from './receipt-book.ts'
import { createSentMessages } from './sent-messages.ts'

export interface EscalationOptions {
  store: Store
  courier: Courier
  people: readonly Person[]
  rotas: readonly Rota[]
  chains: readonly Chain[]
  elders: readonly Elder[]
  /** Chain of elders that name none, and of alarms that concern no elder (the first row that fits decides). */
  rules: { elders: string; alarms: ReadonlyArray<{ kinds: string[]; severities?: Severity[]; chain: string }> }
  /** What chains call a channel, by notifier id. */
  channelOf(notifier: string): string | undefined
  timeZone: string
  linkFor(alarm: Alarm, person: string): string | undefined
  describeKind(kind: string): Words
  describePlace(alarm: Alarm): Words
  onError(error: unknown, what: string): void
  now: () => number
}

/** A step of the chain, taken. */
export type Told = Extract<AlarmTransition, { type: 'told' }>

/** What raising an alarm needs of the escalation. */
export interface AlarmEscalation {
  /** The alarm with its response and first notices; stored by the caller in the transaction that raises it. */
  begin(alarm: Alarm): Alarm
  /**
   * What an alarm that weighs more than `before` asks for now; stored by the caller in the transaction that reassesses
   * it. Undefined where nobody is to be told.
   */
  worsen(before: Alarm, alarm: Alarm): Told | undefined
  /** Sends what `begin` or `worsen` has planned, every notice that waits unless told which; call it once it is stored. */
  tell(alarm: Alarm, notices?: readonly Notice[]): void
}

export interface Escalation extends AlarmEscalation, ResponseService {
  /** Sends again what may not have been sent before the last stop. Call it once, at the start. */
  resume(): void
  /** A provider says what became of a message. Tells whether it is one of ours. */
  receive(notifier: string, receipt: PushedReceipt): boolean
  /** Takes the steps that are due. Call it every second. */
  tick(): void
  /** Writes the receipts that wait; call it before the store closes. */
  close(): void
}

const system: Actor = { type: 'system', id: 'gateway' }
/** A channel is tried for so long; by then the chain has told others. */
const triedForMs = 10 * 60_000
/** A clock that goes back further was set; less is its adjustment. */
const setBackMs = 2000

/**
 * Tells people of alarms until somebody answers. The states and timers are those of core/escalation.ts; here they meet
 * the store, the rotas and the channels. Whom a step tells is decided when it comes due, by who is on duty then.
 */
export function createEscalation(options: EscalationOptions): Escalation {
  const { store, courier, now } = options
  const people = new Map(options.people.map((person) => [person.id, person]))
  const elders = new Map(options.elders.map((elder) => [elder.id, elder]))
  const chains = new Map(options.chains.map((chain) => [chain.id, chain]))
  const siteClock = createWallClock(options.timeZone)
  const clocks = new Map<string, (at: number) => WallTime>([[options.timeZone, siteClock]])
  const receipts = createReceiptBook(store, now, options.onError)
  const sent = createSentMessages(store, now)
  let lastTickAt = now()

  /** Every alarm with a timer, due or not. */
  const withTimer = () => store.alarmsToEscalate(Number.MAX_SAFE_INTEGER)

  function shift(alarm: Alarm, byMs: number, at: number): void {
    const response = alarm.response && shiftTimers(alarm.response, byMs)
    if (response) changeAlarm(store, alarm.id, { type: 'told', at, response, notices: [] }, system, at)
  }

  /** By a clock set back for hours nobody would be called for hours. */
  function followClock(at: number): void {
    if (at < lastTickAt - setBackMs) for (const alarm of withTimer()) shift(alarm, at - lastTickAt, at)
    lastTickAt = at
  }

  /** The clock may have been set back while the gateway was down: what no chain can have planned is due now. */
  function bringForward(at: number): void {
    lastTickAt = at
    for (const alarm of withTimer()) {
      const { chain, nextAt } = alarm.response!
      const known = chains.get(chain)
      if (known && nextAt !== undefined && nextAt - at > longestWaitMs(known)) shift(alarm, at - nextAt, at)
    }
  }

  const clockOf = (timeZone: string) => {
    const known = clocks.get(timeZone) ?? createWallClock(timeZone)
    clocks.set(timeZone, known)
    return known
  }

  function chainFor(alarm: Alarm): Chain | undefined {
    const elder = alarm.person === undefined ? undefined : elders.get(alarm.person)
    if (elder) return chains.get(elder.chain ?? options.rules.elders)
    const row = options.rules.alarms.find(
      ({ kinds, severities }) =>
        (kinds.includes(alarm.kind) || kinds.includes('*')) && (!severities || severities.includes(alarm.severity)),
    )
    return row && chains.get(row.chain)
  }

  /** Whom a step tells when it comes due at `at`. */
  function toldBy(step: ChainStep, alarm: Alarm, at: number): string[] {
    const elder = alarm.person === undefined ? undefined : elders.get(alarm.person)
    const time = (timeZone: string) => clockOf(timeZone)(at)
    const site = { people: options.people, rotas: options.rotas, time, ...(elder ? { elder } : {}) }
    return step.tell.flatMap((target) => whoIsMeant(target, site))
  }

  /** One notice per person and channel, however many steps name them; `also`, which waited, go along. */
  function noticesFor(
    alarm: Alarm,
    due: readonly DueStep[],
    first: number,
    at: number,
    also: readonly Notice[] = [],
  ): Notice[] {
    const notices = new Map<string, Notice>()
    for (const notice of also)
      notices.set(`${notice.person} ${notice.notifier}`, {
        ...{ ...notice, id: `n${first + notices.size + 1}`, at, state: 'waiting' },
      })
    for (const { round, index, step } of due)
      for (const id of toldBy(step, alarm, at)) {
        const person = people.get(id)
        for (const { notifier } of person?.channels ?? []) {
          const channel = options.channelOf(notifier)
          if (channel === undefined || (step.channels && !step.channels.includes(channel))) continue
          if (notices.has(`${id} ${notifier}`)) continue
          const isQuiet =
            alarm.severity !== 'critical' &&
            person?.quietHours !== undefined &&
            isWithin(person.quietHours, siteClock(at).minute)
          notices.set(`${id} ${notifier}`, {
            id: `n${first + notices.size + 1}`,
            at,
            round,
            step: index,
            person: id,
            notifier,
            state: isQuiet ? 'quiet' : 'waiting',
          })
        }
      }
    return [...notices.values()]
  }

  /** The steps due now, as the transition that takes them; undefined where none is. */
  function takeSteps(alarm: Alarm, at: number): Told | undefined {
    const chain = alarm.response && chains.get(alarm.response.chain)
    if (!alarm.response || !chain) return undefined
    const taken = takeDue(chain, alarm.response, alarm.severity, at)
    if (taken.due.length === 0) return undefined
    return told(taken.response, noticesFor(alarm, taken.due, alarm.response.notices, at), at)
  }

  const told = (response: Response, notices: readonly Notice[], at: number): Told => ({
    ...{ type: 'told', at, notices, response: { ...response, notices: response.notices + notices.length } },
  })

  /** The response of an alarm nobody was called about. */
  function start(alarm: Alarm, at: number): Response | undefined {
    const chain = chainFor(alarm)
    return chain && beginResponse(chain, alarm.severity, at)
  }

  /** The response of an alarm that weighs more and that nobody has answered; another chain may be meant for it now. */
  function planAnew(alarm: Alarm, response: Response, at: number): Response {
    const chain = chainFor(alarm)
    const other = chain && chain.id !== response.chain ? beginResponse(chain, alarm.severity, at) : undefined
    if (other) {
      const { startedAt, round, tasks, notices } = response
      return { ...other, startedAt, round: round + 1, tasks, notices }
    }
    const current = chains.get(response.chain)
    return current ? replan(current, response, alarm.severity, at) : response
  }

  /** Who answered, and the control room: what they have judged weighs more now. */
  function tellAnswered(alarm: Alarm, response: Response, at: number): Told | undefined {
    const tell = [
      ...response.answers.map(({ by }) => ({ type: 'person', id: by }) as const),
      { type: 'duty', duty: 'control-room' } as const,
    ]
    const index = response.lastRound?.steps.at(-1) ?? 0
    const due = [{ round: response.round, index, step: { afterMs: 0, tell } }]
    const notices = noticesFor(alarm, due, response.notices, at)
    return notices.length > 0 ? told(response, notices, at) : undefined
  }

  function send(alarm: Alarm, notices: readonly Notice[]): void {
    const place = options.describePlace(alarm)
    const kind = options.describeKind(alarm.kind)
    const elder = alarm.person === undefined ? undefined : elders.get(alarm.person)
    const { minute } = siteClock(alarm.raisedAt)
    const time = `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
    const task = newestTask(alarm)
    for (const notice of notices) {
      const to = people.get(notice.person)
      const channel = to?.channels.find(({ notifier }) => notifier === notice.notifier)
      if (!to || !channel) {
        receipts.add(alarm.id, {
          id: notice.id,
          state: 'failed',
          failedAt: now(),
          ...tell('person-gone'),
        })
        continue
      }
      const link = options.linkFor(alarm, to.id)
      const isAsked = task !== undefined && (to.duty === 'control-room' || to.duty === 'security')
      const message = personMessage({
        ...{ alarm, to, kind, place, time },
        ...(elder ? { elder: elder.name } : {}),
        ...(isAsked ? { task } : {}),
        ...(link === undefined ? {} : { link }),
      })
      const address = channel.address === undefined ? {} : { address: channel.address }
      courier
        .send({
          ...{ notifier: notice.notifier, to: { person: to.id, ...address }, message, expiresAt: now() + triedForMs },
          onDelivery: (delivery) => arrived({ alarm: alarm.id, notice: notice.id }, delivery),
        })
        .then((outcome) => {
          if (outcome.state === 'stopped') return
          const tried = outcome.triedAt === undefined ? {} : { triedAt: outcome.triedAt }
          const receipt: Receipt =
            outcome.state === 'accepted'
              ? {
                  ...{ id: notice.id, state: 'accepted', ...tried, acceptedAt: outcome.report.acceptedAt },
                  reply: outcome.report.reply,
                  ...(outcome.report.phrases ? { phrases: outcome.report.phrases } : {}),
                  ...(outcome.report.reference ? { reference: outcome.report.reference } : {}),
                }
              : {
                  ...{ id: notice.id, state: outcome.state, ...tried, failedAt: now() },
                  ...{ reply: outcome.reply, phrases: outcome.phrases },
                }
          if (receipt.reference)
            sent.add(notice.notifier, receipt.reference, { alarm: alarm.id, notice: notice.id, person: notice.person })
          receipts.add(alarm.id, receipt)
        })
        .catch((error) => options.onError(error, 'a message to a person failed'))
    }
  }

  /** The channel says what became of a message it took. */
  function arrived(
    { alarm, notice }: { alarm: string; notice: string },
    { state, at, reply, phrases }: Delivery & { at: number },
  ): void {
    receipts.add(alarm, {
      ...{ id: notice, reply },
      ...(phrases ? { phrases } : {}),
      ...(state === 'failed' ? { state, failedAt: at } : { state: 'accepted', deliveredAt: at }),
    })
  }

  const answer: ResponseService['answer'] = (id, type, by, via, note) => {
    const given = { type, at: now(), by: by.id, via, ...(note === undefined ? {} : { note }) }
    const alarm = changeAlarm(store, id, given, by, now())
    if (!isRefusal(alarm)) courier.withdraw(id)
    return alarm
  }

  const waitingOf = ({ told = [] }: Alarm) => told.filter(({ state }) => state === 'waiting')

  return {
    begin(alarm) {
      const at = now()
      const response = start(alarm, at)
      if (!response) return alarm
      const started: Alarm = { ...alarm, response, told: [] }
      const step = takeSteps(started, at)
      return step ? { ...started, response: step.response, told: step.notices } : started
    },

    worsen(before, alarm) {
      const at = now()
      if (alarm.response && alarm.response.state !== 'calling') {
        const known = before.response?.worst ?? before.severity
        return isHeavier(alarm.severity, known) ? tellAnswered(alarm, alarm.response, at) : undefined
      }
      if (!alarm.response && alarm.verdict?.value === 'false-alarm') return undefined
      const planned = alarm.response ? planAnew(alarm, alarm.response, at) : start(alarm, at)
      const chain = planned && chains.get(planned.chain)
      if (!planned || !chain) return undefined
      const also = alarm.severity === 'critical' ? heldBack(alarm) : []
      const { response, due } = takeDue(chain, planned, alarm.severity, at)
      if (response === alarm.response && also.length === 0) return undefined
      return told(response, noticesFor(alarm, due, planned.notices, at, also), at)
    },

    tell: (alarm, notices = waitingOf(alarm)) =>
      send(
        alarm,
        notices.filter(({ state }) => state === 'waiting'),
      ),

    resume() {
      bringForward(now())
      for (const alarm of store.alarmsWithWaitingNotices()) {
        // Answered meanwhile: what was not sent then is not sent now, unless it tells of what came after the answer.
        const answered = alarm.response?.state === 'calling' ? undefined : alarm.response?.answers.at(-1)?.at
        const isMeant = ({ at }: Notice) => answered === undefined || at > answered
        send(alarm, waitingOf(alarm).filter(isMeant))
        for (const { id } of waitingOf(alarm).filter((notice) => !isMeant(notice)))
          receipts.add(alarm.id, { id, state: 'withdrawn', ...tell('answered-first') })
      }
    },

    tick() {
      const at = now()
      followClock(at)
      for (const alarm of store.alarmsToEscalate(at)) {
        const step = takeSteps(alarm, at)
        // A chain that the site file has no more: nobody is left to be told.
        const transition = step ?? withoutTimer(alarm, at)
        const told = changeAlarm(store, alarm.id, transition, system, at)
        if (!isRefusal(told) && step)
          send(
            told,
            step.notices.filter(({ state }) => state === 'waiting'),
          )
      }
    },

    answer,

    receive(notifier, { reference, delivery, isAnswer }) {
      const found = sent.find(notifier, reference)
      for (const each of found) {
        if (delivery) arrived(each, { at: now(), ...delivery })
        // Refused where it is settled, or they have said so before: nothing is to be done then.
        if (isAnswer) answer(each.alarm, 'answered', { type: 'person', id: each.person }, 'call')
      }
      return found.length > 0
    },

    next(alarm) {
      const chain = alarm.response && chains.get(alarm.response.chain)
      const next = alarm.response && chain && upcomingStep(chain, alarm.response, alarm.severity)
      if (!next) return undefined
      const { at, round, step } = next
      return {
        at,
        round,
        people: [...new Set(toldBy(step, alarm, at))],
        ...(step.channels ? { channels: step.channels } : {}),
        ...(step.task ? { task: step.task } : {}),
      }
    },

    seen(id, person) {
      const alarm = store.alarm(id)
      const isNew = alarm?.told?.some((notice) => notice.person === person && notice.seenAt === undefined)
      if (isNew) changeAlarm(store, id, { type: 'seen', at: now(), by: person }, { type: 'person', id: person }, now())
    },

    close: receipts.close,
  }
}

function newestTask({ response }: Alarm): ChainTask | undefined {
  return response?.tasks.at(-1)?.task
}

function withoutTimer(alarm: Alarm, at: number) {
  const { nextAt: _, ...response } = alarm.response!
  return { type: 'told', at, response, notices: [] } as const
}
