import type { Case } from '../../api/schemas/index.ts'
import { type DeadlineColour, deadlineColour } from '../../core/deadline.ts'

const epoch = (instant: string | undefined) => (instant === undefined ? undefined : Date.parse(instant))

/** The traffic light of a case as the gateway itself sees it. `now` is epoch ms. */
export function colourOf(current: Case, now: number): DeadlineColour {
  const { state, history, returnedCount } = current
  const [respondBy, resolveBy, closedAt] = [current.respondBy, current.resolveBy, current.closedAt].map(epoch)
  return deadlineColour(
    {
      state,
      history,
      returnedCount,
      openedAt: Date.parse(current.openedAt),
      ...(respondBy === undefined ? {} : { respondBy }),
      ...(resolveBy === undefined ? {} : { resolveBy }),
      ...(closedAt === undefined ? {} : { closedAt }),
    },
    now,
  )
}
