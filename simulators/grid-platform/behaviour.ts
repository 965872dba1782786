import { Type } from 'typebox'
import { Value } from 'typebox/value'

/** How the simulated platform behaves: how fast its people are, and what goes wrong. */
export interface Behaviour {
  /** automatic: files, dispatches, verifies and closes by itself; manual: waits for /control. */
  mode: 'automatic' | 'manual'
  /** Who gets the order: the property itself, or a unit of the street that answers by itself. */
  dispatchTo: 'property' | 'street'
  /** How long each step takes, ms. */
  delaysMs: { file: number; dispatch: number; accept: number; handle: number; verify: number; close: number }
  /** Case types that are not filed (不予立案). */
  rejectTypes: string[]
  /** How often handled work is sent back (返工) before it is verified. */
  reworkTimes: number
  /** Case types the platform's schema refuses with 422. */
  refuseTypes: string[]
  /** Answers this share of requests with this status, before anything is applied. */
  fault: { status: number; share: number; retryAfterSeconds?: number }
  /** Share of changes that are applied and whose answer then gets lost with the connection. */
  loseAnswerShare: number
  /** Every answer waits this long. */
  answerDelayMs: number
  /** Every connection is cut without an answer. */
  isAway: boolean
  /** How far the platform's clock is ahead. */
  clockOffsetMs: number
  /** Whether events are also sent to the webhook of the site. */
  sendsWebhooks: boolean
}

export const defaultBehaviour: Behaviour = {
  mode: 'automatic',
  dispatchTo: 'property',
  delaysMs: { file: 2000, dispatch: 2000, accept: 3000, handle: 10_000, verify: 3000, close: 2000 },
  rejectTypes: [],
  reworkTimes: 0,
  refuseTypes: [],
  fault: { status: 503, share: 0 },
  loseAnswerShare: 0,
  answerDelayMs: 0,
  isAway: false,
  clockOffsetMs: 0,
  sendsWebhooks: true,
}

const strict = { additionalProperties: false } as const
const Share = Type.Number({ minimum: 0, maximum: 1 })
const Ms = Type.Integer({ minimum: 0, maximum: 86_400_000 })
const Strings = Type.Array(Type.String())
const Change = Type.Partial(
  Type.Object(
    {
      mode: Type.Union([Type.Literal('automatic'), Type.Literal('manual')]),
      dispatchTo: Type.Union([Type.Literal('property'), Type.Literal('street')]),
      delaysMs: Type.Partial(
        Type.Object({ file: Ms, dispatch: Ms, accept: Ms, handle: Ms, verify: Ms, close: Ms }, strict),
      ),
      rejectTypes: Strings,
      reworkTimes: Type.Integer({ minimum: 0 }),
      refuseTypes: Strings,
      fault: Type.Object(
        {
          status: Type.Integer({ minimum: 400, maximum: 599 }),
          share: Share,
          retryAfterSeconds: Type.Optional(Type.Integer({ minimum: 0 })),
        },
        strict,
      ),
      loseAnswerShare: Share,
      answerDelayMs: Ms,
      isAway: Type.Boolean(),
      clockOffsetMs: Type.Integer(),
      sendsWebhooks: Type.Boolean(),
    },
    strict,
  ),
)

/** What may be changed from outside, as JSON. */
export type BehaviourChange = Partial<Omit<Behaviour, 'delaysMs'>> & { delaysMs?: Partial<Behaviour['delaysMs']> }

/** The behaviour after a change, or what is wrong with the change. */
export function changeBehaviour(current: Behaviour, change: unknown): Behaviour | { problem: string } {
  if (!Value.Check(Change, change)) {
    const [error] = Value.Errors(Change, change)
    return { problem: `${error?.instancePath || '(document)'} ${error?.message ?? 'is not a behaviour'}` }
  }
  const { delaysMs, ...rest } = change as BehaviourChange
  return { ...current, ...rest, delaysMs: { ...current.delaysMs, ...delaysMs } }
}
