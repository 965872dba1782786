import { randomUUID } from 'node:crypto'
import type { Behaviour } from './behaviour.ts'
import type { CaseReport, State, Transition } from './messages.ts'
import type { GridCase, Move, Store } from './store.ts'

/**
 * The platform's six steps (发现 立案 派遣 处置 核查 结案).
 *
 *   reported ─▶ filed ─▶ dispatched ─▶ accepted ─▶ handling ─▶ handled ─▶ verified ─▶ closed
 *       └─▶ rejected         ▲  └─▶ returned                      └─▶ rework ─▶ handling
 *                            └──────────┘ to the street
 *
 * Steps of the centre and of street units are its own and become events. Steps of the property come from the site and
 * do not: the site knows them. What the site did before the order reached it counts once the order is out.
 */
export interface Workflow {
  open(report: CaseReport): { ref: string; state: State }
  siteStep(ref: string, step: Transition): { ref: string; state: State; isApplied: boolean }
  /** A step taken by hand over /control; why not, if it may not be taken. */
  take(ref: string, move: ManualMove): string | undefined
  /** Takes every automatic step that is due; returns when the next one will be. */
  tick(): number | undefined
}

/** `handledBy` says who gets the order when `to` is dispatched; default: the property. */
export type ManualMove = Partial<Move> & { to: State; handledBy?: 'property' | 'street' }

/** What the platform itself, or a street unit, may do from each state. */
const platformMoves: Record<State, readonly State[]> = {
  reported: ['filed', 'rejected'],
  filed: ['dispatched'],
  rejected: [],
  dispatched: ['accepted', 'returned'],
  accepted: ['handling'],
  returned: ['dispatched', 'rejected'],
  handling: ['handled'],
  handled: ['verified', 'rework'],
  rework: ['handling'],
  verified: ['closed'],
  closed: [],
}
/** What the property may do while it has the order. Later steps may come without the ones between. */
const siteMoves: Partial<Record<State, readonly State[]>> = {
  dispatched: ['accepted', 'returned', 'handling', 'handled'],
  accepted: ['returned', 'handling', 'handled'],
  handling: ['handled'],
  rework: ['handling', 'handled'],
}
const streetSteps: ReadonlySet<State> = new Set(['accepted', 'returned', 'handling', 'handled'])

export function createWorkflow(store: Store, behaviour: () => Behaviour, now: () => number): Workflow {
  /** How long the automatic mode waits in this state; undefined when somebody else has to act. */
  function delayMs(state: State, handledBy: string): number | undefined {
    const { mode, delaysMs } = behaviour()
    if (mode === 'manual') return undefined
    if (state === 'reported') return delaysMs.file
    if (state === 'filed' || state === 'returned') return delaysMs.dispatch
    if (state === 'handled') return delaysMs.verify
    if (state === 'verified') return delaysMs.close
    if (handledBy !== 'street') return undefined
    return state === 'dispatched' || state === 'accepted' || state === 'rework'
      ? delaysMs.accept
      : state === 'handling'
        ? delaysMs.handle
        : undefined
  }

  function enter(current: GridCase, state: State, handledBy: GridCase['handledBy']): void {
    const wait = delayMs(state, handledBy)
    const reworkCount = current.reworkCount + (state === 'rework' ? 1 : 0)
    store.setState(current.ref, state, handledBy, reworkCount, wait === undefined ? null : now() + wait)
  }

  function move(current: GridCase, step: Move, handledBy: GridCase['handledBy']): void {
    store.transact(() => {
      store.addMove(current, step, now())
      enter(current, step.to, handledBy)
      if (step.to === 'dispatched' && handledBy === 'property') catchUp(current)
    })
  }

  /** The property may have handled it before anybody asked; a later `reported` starts it again. */
  function catchUp(current: GridCase): void {
    const done = store.history(current.ref).findLast((row) => row.origin === 'site')
    if (done?.role === 'unit' && done.to !== 'returned' && siteMoves.dispatched?.includes(done.to))
      enter(current, done.to, 'property')
  }

  function automatic(current: GridCase): [Move, GridCase['handledBy']] | undefined {
    const { report, state, handledBy } = current
    const issuer = { role: 'issuer', actorName: '街道网格中心 值班员', organisation: '街道城运中心' } as const
    const street = { role: 'unit', actorName: '街道处置队', organisation: '街道城管执法中队' } as const
    const { rejectTypes, dispatchTo, reworkTimes } = behaviour()
    switch (state) {
      case 'reported':
        if (rejectTypes.includes(report.case.type))
          return [{ ...issuer, to: 'rejected', reason: '不属于本级受理范围' }, handledBy]
        return [{ ...issuer, to: 'filed' }, handledBy]
      case 'filed':
      case 'returned': {
        const target = state === 'returned' ? 'street' : dispatchTo
        const unit = target === 'street' ? street.organisation : (report.matter.ZGBMMC ?? '物业服务中心')
        const respondBy = now() + 30 * 60_000
        const resolveBy = now() + 24 * 3600_000
        return [{ ...issuer, to: 'dispatched', unit, respondBy, resolveBy }, target]
      }
      case 'dispatched':
        return [{ ...street, to: 'accepted' }, handledBy]
      case 'accepted':
      case 'rework':
        return [{ ...street, to: 'handling' }, handledBy]
      case 'handling':
        return [{ ...street, to: 'handled', note: '现场已处置完毕' }, handledBy]
      case 'handled':
        if (current.reworkCount < reworkTimes)
          return [{ ...issuer, to: 'rework', reason: '核查未通过，请补充处置' }, handledBy]
        return [{ ...issuer, to: 'verified', note: '核查通过' }, handledBy]
      case 'verified':
        return [{ ...issuer, to: 'closed', note: '结案' }, handledBy]
      default:
        return undefined
    }
  }

  return {
    open(report) {
      const known = store.caseOfSite(report.site, report.case.id)
      if (known) return { ref: known.ref, state: known.state }
      const ref = `WG-${randomUUID().slice(0, 13)}`
      const wait = delayMs('reported', '')
      store.openCase(ref, report, now(), wait === undefined ? null : now() + wait)
      store.addSiteStep(ref, report.transition, now(), true)
      return { ref, state: 'reported' }
    },
    siteStep(ref, step) {
      const current = store.case(ref)
      if (!current) throw new Error(`no case ${ref}`)
      const isApplied =
        step.role === 'unit' && current.handledBy === 'property' && siteMoves[current.state]?.includes(step.to) === true
      store.addSiteStep(ref, step, now(), isApplied)
      if (isApplied) enter(current, step.to, 'property')
      return { ref, state: isApplied ? step.to : current.state, isApplied }
    },
    take(ref, { to, role, handledBy, ...rest }) {
      const current = store.case(ref)
      if (!current) return `no case ${ref}`
      if (!platformMoves[current.state].includes(to)) return `a case cannot go from ${current.state} to ${to}`
      const isStreet = streetSteps.has(to)
      move(
        current,
        {
          actorName: isStreet ? '街道处置队' : '值班员',
          organisation: isStreet ? '街道城管执法中队' : '街道城运中心',
          ...rest,
          to,
          role: role ?? (isStreet ? 'unit' : 'issuer'),
        },
        to === 'dispatched' ? (handledBy ?? 'property') : current.handledBy,
      )
      return undefined
    },
    tick() {
      for (const current of store.dueCases(now())) {
        const step = automatic(current)
        if (step) move(current, ...step)
        else store.setState(current.ref, current.state, current.handledBy, current.reworkCount, null)
      }
      return store.nextDueAt()
    },
  }
}
