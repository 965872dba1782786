import { type Actor, type Alarm, isRefusal, type Refusal } from '../core/alarm.ts'
import { applyCase, type Case, type CaseTransition, escalateCase } from '../core/case.ts'
import { deadlineColour } from '../core/deadline.ts'
import { type DisposalRow, isReportedUpstream, repeatsBeforeReport } from '../core/disposal.ts'
import { placeKey } from '../core/place.ts'
import type { CaseService, Store, StoreTransaction } from '../core/ports.ts'
import { refuse } from '../core/refusal.ts'

export interface CasesOptions {
  store: Store
  disposal: readonly DisposalRow[]
  /** The platform that cases go up to; none while the site has no upstream. */
  upstream?: string
  /** Words of a place for the case's title; never the home of a person. */
  describePlace(alarm: Alarm): string
  /** Whether this elder has agreed that cases about them go to the city. */
  hasConsent(person: string): boolean
  now: () => number
  newId: (prefix: string) => string
}

export interface Cases extends CaseService {
  /** Opens the case the disposal list asks for, inside the alarm's own transaction; undefined where it asks for none. */
  openFor(transaction: StoreTransaction, alarm: Alarm, by: Actor): Case | undefined
  /** Opens one whatever the list says: a person asked for it. */
  openByHand(transaction: StoreTransaction, alarm: Alarm, by: Actor): Case
  /**
   * Marks overdue cases, and sends up those the property did not settle in time. Call it every second or so: each call
   * looks at the next page of the open cases, newest first, and after the last begins anew.
   */
  tick(): void
}

const system: Actor = { type: 'system', id: 'gateway' }
/** Open cases looked at in one tick: a site that never closes any must not stop the gateway for it. */
const tickPage = 200

export function createCases(options: CasesOptions): Cases {
  const { store, now } = options
  const rows = new Map(options.disposal.map((row) => [row.key, row]))
  let nextPage: string | undefined

  function open(transaction: StoreTransaction, alarm: Alarm, by: Actor, row: DisposalRow | undefined): Case {
    const at = now()
    const recent = store.countCases(alarm.kind, placeKey(alarm.place), at - repeatsBeforeReport.withinMs) + 1
    const hasConsent = alarm.person !== undefined && options.hasConsent(alarm.person)
    const { flat: _, ...place } = alarm.place
    const goesUp =
      options.upstream !== undefined &&
      row !== undefined &&
      (hasConsent || !isAboutElder(alarm)) &&
      isReportedUpstream(row, { recentAtPlace: recent, hasPropertyFailed: false, hasConsent })
    const year = new Date(at).getUTCFullYear()
    const step: CaseTransition = { to: 'reported', at, actor: by, role: 'reporter' }
    const opened: Case = {
      id: options.newId('case'),
      number: `${year}-${String(transaction.nextCaseNumber(year)).padStart(6, '0')}`,
      type: alarm.kind,
      ...(row?.code ? { code: row.code } : {}),
      title: [row?.name.zh ?? alarm.kind, options.describePlace(alarm)].filter(Boolean).join(' · '),
      severity: row?.severity ?? alarm.severity,
      // A case travels to people and places that have no business with a home; the alarm knows it.
      place: alarm.person === undefined || hasConsent ? alarm.place : place,
      alarmIds: [alarm.id],
      state: 'reported',
      level: goesUp ? upperLevel(row) : 'P',
      ...(goesUp ? { upstream: options.upstream! } : {}),
      ...(row ? { unit: row.unit.zh } : {}),
      openedAt: at,
      ...(row?.respondWithinMs ? { respondBy: at + row.respondWithinMs } : {}),
      ...(row?.resolveWithinMs ? { resolveBy: at + row.resolveWithinMs } : {}),
      returnedCount: 0,
      reworkCount: 0,
      history: [step],
    }
    transaction.putCase(opened, step, by)
    return opened
  }

  function escalate(current: Case, by: Actor, note: string): Case | Refusal {
    if (options.upstream === undefined) return refuse('no-upstream')
    const isWithheld = current.alarmIds.some((id) => {
      const alarm = store.alarm(id)
      return alarm !== undefined && isAboutElder(alarm) && !(alarm.person && options.hasConsent(alarm.person))
    })
    if (isWithheld) return refuse('no-consent-to-city')
    const level = upperLevel(rows.get(current.type))
    const raised = escalateCase(current, { level, upstream: options.upstream, at: now(), actor: by, note })
    if (isRefusal(raised)) return raised
    store.transact((transaction) => transaction.putCase(raised, raised.history.at(-1)!, by))
    return raised
  }

  /** Whatever a site's own disposal list says: without consent the city hears nothing of an elder. */
  function isAboutElder({ kind }: Alarm): boolean {
    return rows.get(kind)?.report === 'with-consent' || kind.startsWith('elder_')
  }

  return {
    openFor(transaction, alarm, by) {
      const row = rows.get(alarm.kind)
      return row?.opensCase ? open(transaction, alarm, by, row) : undefined
    },
    openByHand: (transaction, alarm, by) => open(transaction, alarm, by, rows.get(alarm.kind)),

    transition(id, wanted, by) {
      const done = wanted.idempotencyKey && store.caseByIdempotencyKey(wanted.idempotencyKey)
      if (done) return done
      const current = store.case(id)
      if (!current) return refuse('no-case', { id })
      if (current.upstream && by.type === 'user' && wanted.role === 'issuer')
        return refuse('case-only-issuer', { upstream: current.upstream })
      // The bridge hands on what a platform says; of a case that was never reported none has anything to say.
      if (current.upstream === undefined && by.type === 'bridge') return refuse('case-of-property')
      const transition: CaseTransition = { ...wanted, at: wanted.at ?? now(), actor: by }
      const moved = applyCase(current, transition)
      if (isRefusal(moved)) return moved
      store.transact((transaction) => transaction.putCase(moved, transition, by))
      return moved
    },

    reportUpstream(id, by) {
      const current = store.case(id)
      return current ? escalate(current, by, 'reported by a person') : refuse('no-case', { id })
    },

    linkUpstream(id, { upstream, upstreamRef }, by) {
      const current = store.case(id)
      if (!current) return refuse('no-case', { id })
      if (current.upstreamRef === upstreamRef) return current
      if (current.upstreamRef)
        return refuse('case-numbered', { number: current.upstreamRef, upstream: current.upstream ?? '' })
      if (current.upstream !== undefined && current.upstream !== upstream)
        return refuse('case-reported', { upstream: current.upstream })
      const linked: Case = { ...current, upstream, upstreamRef }
      store.transact((transaction) => transaction.putCase(linked, { type: 'linked', at: now() }, by))
      return linked
    },

    tick() {
      const at = now()
      const page = store.cases({
        isOpen: true,
        limit: tickPage,
        ...(nextPage === undefined ? {} : { before: nextPage }),
      })
      // Before anything is written: a page with a case that cannot be must not keep the others waiting.
      nextPage = page.nextBefore
      for (const current of page.items) {
        const colour = deadlineColour(current, at)
        if ((colour === 'yellow' || colour === 'red') && current.overdueAt === undefined)
          store.transact((transaction) =>
            transaction.putCase({ ...current, overdueAt: at }, { type: 'overdue', at }, system),
          )
        const isUnsettled = current.resolveBy !== undefined && at >= current.resolveBy && !current.upstream
        if (isUnsettled && options.upstream && rows.get(current.type)?.report === 'after-property')
          escalate(store.case(current.id) ?? current, system, 'not resolved in time by the property')
      }
    },
  }
}

/** Cases that go up start at the neighbourhood station unless the list sends them higher. */
function upperLevel(row: DisposalRow | undefined): 'X' | 'S' | 'D' {
  return row && row.level !== 'P' ? row.level : 'X'
}
