import type { Case } from './case.ts'
import { isEnded } from './case.ts'

/** Traffic light of a case's time limit: amber under 20 % left, yellow overdue, red twice overdue or returned twice. */
export type DeadlineColour = 'none' | 'green' | 'amber' | 'yellow' | 'red'

const amberShare = 0.2

/** What the colour depends on; epoch ms. */
export type LimitedCase = Pick<
  Case,
  'state' | 'openedAt' | 'respondBy' | 'resolveBy' | 'closedAt' | 'returnedCount'
> & {
  history: ReadonlyArray<Pick<Case['history'][number], 'to'>>
}

/** The colour of the limit that applies now: respond-by until a unit accepted, resolve-by afterwards. Epoch ms. */
export function deadlineColour(current: LimitedCase, now: number): DeadlineColour {
  const isAccepted = current.history.some((step) => step.to === 'accepted')
  const due = isAccepted ? current.resolveBy : (current.respondBy ?? current.resolveBy)
  if (due === undefined) return 'none'
  const at = isEnded(current.state) ? (current.closedAt ?? now) : now
  const allowed = due - current.openedAt
  if (current.returnedCount >= 2 || at >= due + allowed) return 'red'
  if (at >= due) return 'yellow'
  return due - at < allowed * amberShare ? 'amber' : 'green'
}
