import {
  type Actor,
  type Alarm,
  type AlarmTransition,
  applyAlarm,
  type ClearReason,
  type Evidence,
  isHeavier,
  isRefusal,
  isRepeatDue,
  type Refusal,
  type Severity,
  severities,
} from '../core/alarm.ts'
import type { Case } from '../core/case.ts'
import { DeliveryError } from '../core/errors.ts'
import { type Place, placeKey } from '../core/place.ts'
import type { AlarmService, Announcer, PlayReport, Store, StoreTransaction } from '../core/ports.ts'
import { refuse } from '../core/refusal.ts'
import type { VoiceRoute } from '../core/routing.ts'
import type { Finding } from '../core/scene.ts'
import { changeAlarm } from './change.ts'
import type { AlarmEscalation, Told } from './escalation.ts'
import { type AlarmFinding, concernsLife, createUnstored, type RaiseFinding, type Unstored } from './unstored.ts'

export interface AlarmsOptions {
  store: Store
  announcer: Announcer
  /** Which speakers speak for this kind in this place. */
  route(kind: string, place: Place): VoiceRoute
  openCase(transaction: StoreTransaction, alarm: Alarm, by: Actor): Case | undefined
  openCaseByHand(transaction: StoreTransaction, alarm: Alarm, by: Actor): Case
  /** Tells people who are not at the console; absent where the site names none. */
  escalation?: AlarmEscalation
  /** Whether the camera or device behind an alarm is delivering again: only then may silence end an old alarm. */
  isSourceUp(source: Alarm['source']): boolean
  onError(error: unknown, what: string): void
  /** Everything kept in memory is stored. */
  onStored?(): void
  now: () => number
  newId: (prefix: string) => string
}

export interface Alarms extends AlarmService {
  /** Takes what a scene concluded. Returns the alarm a `raise` made, for its evidence; undefined for a repeat. */
  take(finding: Finding, scene: string, decidedAt?: number): Alarm | undefined
  addEvidence(alarmId: string, evidence: Evidence): void
  /** Ends every open alarm of a device that is gone or stands somewhere else. */
  endOf(device: string, reason: ClearReason, by: Actor): void
  /** Whoever watches these devices has begun anew: their open alarms end when nobody sees them any more. */
  watchAnew(devices: ReadonlySet<string>): void
  /** Ends shelvings and alarms from before the start that nobody sees any more. Call it every second. */
  tick(): void
  /** Alarms kept in memory because the store refuses them, and those given up because there were too many. */
  unstored(): { kept: number; dropped: number }
}

const system: Actor = { type: 'system', id: 'gateway' }
/** A warning that could not be spoken within this time is not spoken any more: the person has gone. */
const voiceValidMs = 8_000
/** Each is a commit: a disk that has room again is not to hold up what happens now. */
const storedPerTick = 50
/** An alarm open at start whose scene stays silent this long with its camera up has ended while we were away. */
const leftOverMs = 60_000

/**
 * Findings become alarms. An alarm, its journal row and its case are one transaction; only then does anyone hear of
 * them. There are two exceptions: the voice starts at the decision itself, and of what concerns life people are told
 * also when the store refuses it. What it refuses is kept in memory and tried again (docs/decisions/0034).
 */
export function createAlarms(options: AlarmsOptions): Alarms {
  const { store, now } = options
  const startedAt = now()
  const unstored = createUnstored()
  /** Active alarms whose scene began anew, at the start or since, and which it has not seen since: by that instant. */
  const leftOver = new Map(activeAlarms(store).map(({ id }) => [id, startedAt]))

  const change = (
    id: string,
    transition: Exclude<AlarmTransition, { type: 'raised' }>,
    by: Actor,
    also?: (transaction: StoreTransaction, alarm: Alarm) => void,
  ) => changeAlarm(store, id, transition, by, now(), also)

  function active(finding: { kind: string; place: Place; source: { id: string } }): Alarm | undefined {
    return store.activeAlarm(finding.kind, placeKey(finding.place), finding.source.id)
  }

  /** It happens once more: the story of this alarm is over, and for it nobody is called any more. */
  function makeRoom(attended: Alarm, at: number): void {
    leftOver.delete(attended.id)
    change(attended.id, { type: 'cleared', at, reason: 'happened-again' }, system)
  }

  function raiseAgain(settled: Alarm, at: number, decidedAt: number): Alarm | undefined {
    makeRoom(settled, at)
    const { scene, kind, severity, certainty, place, source, person, why } = settled
    const again = { type: 'raise', at, kind, severity, certainty, place, source, why } as const
    const finding = { ...again, ...(person === undefined ? {} : { person }) }
    try {
      return raise(finding, scene, decidedAt)
    } catch (error) {
      sayOnce(error)
      keep({ finding, scene, decidedAt })
      return undefined
    }
  }

  /** @param told the alarm it becomes, where people were told of it before it could be stored */
  function raise(finding: RaiseFinding, scene: string, decidedAt: number, told?: Alarm): Alarm | undefined {
    const open = active(finding)
    if (open && finding.isOccurrence && isAttended(open)) makeRoom(open, finding.at)
    else if (open) {
      leftOver.delete(open.id)
      change(open.id, { type: 'repeated', at: finding.at }, system)
      return undefined
    }
    const alarm = told ?? prepare(finding, scene, decidedAt)
    const stored = store.transact((transaction) => {
      transaction.putAlarm(alarm, { type: 'raised', alarm }, system, now())
      const opened = options.openCase(transaction, alarm, system)
      return opened ? attachCase(transaction, alarm, opened, system) : alarm
    })
    if (!told) options.escalation?.tell(stored)
    return stored
  }

  /** The alarm a finding becomes. Who is told first is stored with it, and told only then. */
  function prepare(finding: RaiseFinding, scene: string, decidedAt: number): Alarm {
    const raised: Alarm = {
      id: options.newId('alarm'),
      scene,
      kind: finding.kind,
      severity: finding.severity,
      certainty: finding.certainty,
      place: finding.place,
      source: finding.source,
      ...(finding.person === undefined ? {} : { person: finding.person }),
      raisedAt: finding.at,
      decidedAt,
      lastSeenAt: finding.at,
      count: 1,
      isActive: true,
      isAcknowledged: false,
      why: finding.why,
      evidence: [],
      warnings: [],
    }
    return options.escalation?.begin(raised) ?? raised
  }

  function sayOnce(error: unknown): void {
    if (unstored.counts().kept === 0) options.onError(error, 'alarms cannot be stored and are kept in memory')
  }

  /** Keeps what the store refused. Of what concerns life people are told now: it may be the disk that is full. */
  function keep(refused: Unstored): void {
    const { finding, scene, decidedAt } = refused
    const isOfLife = finding.type === 'raise' && concernsLife(finding)
    const isKnown = isOfLife && (unstored.has(finding) ? unstored.isToRise(finding) : isOpen(finding))
    if (!isOfLife || isKnown || !options.escalation) {
      unstored.keep(refused)
      return
    }
    const told = prepare(finding, scene, decidedAt)
    unstored.keep({ ...refused, told })
    options.escalation.tell(told)
  }

  /** Whether the store has this alarm, as far as it can say. */
  function isOpen(finding: RaiseFinding): boolean {
    try {
      const open = active(finding)
      return open !== undefined && !(finding.isOccurrence && isAttended(open))
    } catch {
      return false
    }
  }

  /** Stores what is kept, of one alarm or of the oldest; whether nothing is left of it. */
  function storeKept(finding?: AlarmFinding): boolean {
    try {
      unstored.retry((each) => void takeOne(each.finding, each.scene, each.decidedAt, each.told), finding)
    } catch {
      return false
    }
    if (unstored.counts().kept === 0) options.onStored?.()
    return !finding || !unstored.has(finding)
  }

  /** Takes what a scene says of one alarm; throws where it cannot be stored. */
  function takeOne(finding: AlarmFinding, scene: string, decidedAt: number, told?: Alarm): Alarm | undefined {
    switch (finding.type) {
      case 'raise':
        return raise(finding, scene, decidedAt, told)
      case 'seen': {
        const open = active(finding)
        if (!open) return undefined
        if (finding.isAgain && open.response?.state === 'resolved') return raiseAgain(open, finding.at, decidedAt)
        leftOver.delete(open.id)
        if (finding.isAgain || isRepeatDue(open, finding.at))
          change(open.id, { type: 'repeated', at: finding.at }, system)
        return undefined
      }
      case 'reassess': {
        const open = active(finding)
        return open && reassess(open, finding, decidedAt)
      }
      case 'clear': {
        const open = active(finding)
        if (open) change(open.id, { type: 'cleared', at: finding.at }, system)
        return undefined
      }
    }
  }

  function reassess(
    open: Alarm,
    { at, severity, certainty, why }: Extract<Finding, { type: 'reassess' }>,
    decidedAt: number,
  ): Alarm | undefined {
    const { response } = open
    // Who settled it judged something that weighed less.
    if (response?.state === 'resolved' && isHeavier(severity, response.worst ?? open.severity))
      return raiseAgain({ ...open, severity, certainty, why }, at, decidedAt)
    let worse: { alarm: Alarm; told: Told } | undefined
    change(open.id, { type: 'reassessed', at, severity, certainty, why }, system, (transaction, alarm) => {
      const told = isHeavier(severity, open.severity) ? options.escalation?.worsen(open, alarm) : undefined
      const next = told && applyAlarm(alarm, told)
      if (!next || isRefusal(next)) return
      transaction.putAlarm(next, told, system, now())
      worse = { alarm: next, told }
    })
    if (worse) options.escalation?.tell(worse.alarm, worse.told.notices)
    return undefined
  }

  function attachCase(transaction: StoreTransaction, alarm: Alarm, opened: Case, by: Actor): Alarm {
    const transition = { type: 'case-opened', at: now(), caseId: opened.id } as const
    const linked = applyAlarm(alarm, transition)
    if (isRefusal(linked)) return alarm
    transaction.putAlarm(linked, transition, by, now())
    return linked
  }

  /** Speaks on every routed speaker at once; languages follow each other on one speaker. */
  function speak(warning: { kind: string; place: Place; clip: string; severity: Severity }) {
    const { speakers, languages } = options.route(warning.kind, warning.place)
    return speakers.flatMap((speaker) =>
      languages.map((language) => ({
        speaker,
        report: options.announcer.announce({
          speaker,
          clip: warning.clip,
          language,
          priority: severities.indexOf(warning.severity),
          expiresAt: now() + voiceValidMs * languages.length,
          reference: reference(warning.kind, warning.place),
        }),
      })),
    )
  }

  function warn({ kind, place, clip, nth }: Extract<Finding, { type: 'warn' }>): void {
    for (const { speaker, report } of speak({ kind, place, clip, severity: 'high' })) {
      report.then(
        (report) => note(kind, place, { speaker, clip, nth, ...spoken(report) }),
        (error) => note(kind, place, { speaker, clip, nth, ...unspoken(error) }),
      )
    }
  }

  /** Writes on the alarm what the speaker answered. */
  function note(kind: string, place: Place, outcome: Omit<Alarm['warnings'][number], 'at'>): void {
    try {
      const alarm = activeAlarms(store, kind).find((each) => placeKey(each.place) === placeKey(place))
      if (alarm) change(alarm.id, { type: 'warned', at: now(), ...outcome }, system)
    } catch (error) {
      options.onError(error, 'the result of a voice warning could not be stored')
    }
  }

  return {
    take(finding, scene, decidedAt = now()) {
      switch (finding.type) {
        case 'warn':
          warn(finding)
          return undefined
        case 'raise':
        case 'seen':
        case 'reassess':
        case 'clear': {
          if (finding.type === 'clear') options.announcer.stop(reference(finding.kind, finding.place))
          const isGoingOn = finding.type === 'seen' && !finding.isAgain
          try {
            // In the order the scene said it.
            if (!unstored.has(finding) || storeKept(finding)) return takeOne(finding, scene, decidedAt)
          } catch (error) {
            if (!isGoingOn) sayOnce(error)
          }
          if (!isGoingOn) keep({ finding, scene, decidedAt })
          return undefined
        }
        case 'suppress': {
          const { at, by } = finding
          const open = active(finding)
          const parent = by && active(by)
          if (!open) return undefined
          if (parent) change(open.id, { type: 'suppressed', at, by: parent.id }, system)
          else if (open.suppressedBy) change(open.id, { type: 'unsuppressed', at }, system)
          return undefined
        }
        case 'event':
          store.transact((transaction) =>
            transaction.append({
              topic: 'event',
              at: finding.at,
              subject: finding.source.id,
              transition: finding.kind,
              actor: system,
              data: { place: finding.place, ...finding.data },
            }),
          )
          return undefined
        default:
          return undefined
      }
    },

    addEvidence(alarmId, evidence) {
      change(alarmId, { type: 'evidence-added', at: now(), evidence }, system)
    },

    acknowledge: (id, by) => change(id, { type: 'acknowledged', at: now(), by: by.id }, by),
    verdict: (id, { value, reason }, by) =>
      change(id, { type: 'verdict', at: now(), value, by: by.id, ...(reason ? { reason } : {}) }, by),
    shelve: (id, { until, reason }, by) => change(id, { type: 'shelved', at: now(), until, reason, by: by.id }, by),
    unshelve: (id, by) => change(id, { type: 'unshelved', at: now() }, by),

    async repeatVoice(id, by) {
      const alarm = store.alarm(id)
      if (!alarm) return refuse('no-alarm', { id })
      const last = alarm.warnings.at(-1)
      if (!last) return refuse('no-voice')
      const [first, ...others] = speak({ ...alarm, clip: last.clip })
      if (!first) return refuse('no-speaker')
      for (const { report } of others) report.catch(() => {})
      const { clip, nth } = last
      const outcome = await first.report.then(
        (report) => ({ report, warning: spoken(report) }),
        (error) => ({ report: unheard(error), warning: unspoken(error) }),
      )
      change(id, { type: 'warned', at: now(), speaker: first.speaker, clip, nth, ...outcome.warning }, by)
      return outcome.report
    },

    stopVoice(id) {
      const alarm = store.alarm(id)
      if (!alarm) return refuse('no-alarm', { id })
      options.announcer.stop(reference(alarm.kind, alarm.place))
      return undefined
    },

    openCase(id, by) {
      const alarm = store.alarm(id)
      if (!alarm) return refuse('no-alarm', { id })
      if (alarm.caseId) return refuse('alarm-has-case', { id: alarm.caseId })
      return store.transact((transaction) => {
        const opened = options.openCaseByHand(transaction, alarm, by)
        attachCase(transaction, alarm, opened, by)
        return opened
      })
    },

    endOf(device, reason, by) {
      const at = now()
      for (const { id, kind, place, source } of activeAlarms(store)) {
        if (source.type !== 'device' || source.id !== device) continue
        leftOver.delete(id)
        change(id, { type: 'cleared', at, reason }, by)
        const others = activeAlarms(store, kind).some((other) => placeKey(other.place) === placeKey(place))
        if (!others) options.announcer.stop(reference(kind, place))
      }
    },

    watchAnew(devices) {
      const at = now()
      for (const { id, source } of activeAlarms(store))
        if (source.type === 'device' && devices.has(source.id)) leftOver.set(id, at)
    },

    unstored: unstored.counts,

    tick() {
      const at = now()
      for (let n = 0; n < storedPerTick && unstored.counts().kept > 0; n++) if (!storeKept()) break
      for (const { id } of store.alarmsShelvedUntil(at)) change(id, { type: 'unshelved', at }, system)
      for (const [id, since] of leftOver) {
        if (at - since < leftOverMs) continue
        const alarm = store.alarm(id)
        if (alarm?.isActive && !options.isSourceUp(alarm.source)) continue
        // A press or a fall is over in a moment: that nothing more was seen of it does not mean that the person is well.
        if (alarm?.isActive && alarm.person !== undefined && !alarm.isAcknowledged) continue
        leftOver.delete(id)
        if (alarm?.isActive) change(id, { type: 'cleared', at }, system)
      }
    },
  }
}

/** Whether somebody has answered: nobody is called for it any more. */
function isAttended({ response, isAcknowledged }: Alarm): boolean {
  return response ? response.state !== 'calling' : isAcknowledged
}

/** However many there are: those beyond a page stand as long. */
function activeAlarms(store: Store, kind?: string): Alarm[] {
  const found: Alarm[] = []
  for (let before: string | undefined; ; ) {
    const page = store.alarms({ isActive: true, limit: 1000, ...(kind ? { kind } : {}), ...(before ? { before } : {}) })
    found.push(...page.items)
    before = page.nextBefore
    if (before === undefined) return found
  }
}

/** What an announcement belongs to, so that "stop" finds it. */
function reference(kind: string, place: Place): string {
  return `${kind} ${placeKey(place)}`
}

function spoken({ deviceReply, isAccepted, phrases }: PlayReport) {
  return { result: deviceReply, isDelivered: isAccepted, ...(phrases ? { phrases } : {}) }
}

function unspoken(error: unknown) {
  const phrase = error instanceof DeliveryError ? error.phrase : undefined
  return { result: message(error), isDelivered: false, ...(phrase ? { phrases: [phrase] } : {}) }
}

/** The announcer's no, in the words of the speaker's driver. */
function unheard(error: unknown): Refusal {
  const phrase = error instanceof DeliveryError ? error.phrase : undefined
  return { refused: message(error), ...(phrase ? { phrase } : {}) }
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
