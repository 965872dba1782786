import type { Case } from '../../api/schemas/index.ts'

export type Colour = 'none' | 'green' | 'amber' | 'yellow' | 'red'

const amberShare = 0.2

/** The traffic light of a case, by the rule of gateway/core/deadline.ts on wire types. `now` is epoch ms. */
export function colourOf(current: Case, now: number): Colour {
  const isAccepted = current.history.some(({ to }) => to === 'accepted')
  const due = isAccepted ? current.resolveBy : (current.respondBy ?? current.resolveBy)
  if (due === undefined) return 'none'
  const opened = Date.parse(current.openedAt)
  const allowed = Date.parse(due) - opened
  const left = Date.parse(due) - (current.closedAt ? Date.parse(current.closedAt) : now)
  if (current.returnedCount >= 2 || left <= -allowed) return 'red'
  if (left <= 0) return 'yellow'
  return left < allowed * amberShare ? 'amber' : 'green'
}
