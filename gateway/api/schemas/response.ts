import { type Static, Type } from 'typebox'
import type { Answer as CoreAnswer, Notice as CoreNotice, Response as CoreResponse } from '../../core/escalation.ts'
import { responseStates, responseTimes } from '../../core/escalation.ts'
import { chainTasks } from '../../core/person.ts'
import { Instant, withInstants } from './instant.ts'

export const Answer = Type.Object({
  type: Type.Enum(['answered', 'arrived', 'resolved']),
  at: Instant,
  by: Type.String({ description: 'person id of a link, user id of the console or of a page' }),
  via: Type.Enum(['link', 'console', 'page']),
})
export type Answer = Static<typeof Answer>

/** Who is to answer an alarm, and who has. */
export const Response = Type.Object(
  {
    chain: Type.String(),
    state: Type.Enum([...responseStates], { description: 'calling: the next is told until somebody answers' }),
    startedAt: Instant,
    round: Type.Integer({ minimum: 0 }),
    nextAt: Type.Optional(Type.Unsafe<string>({ ...Instant, description: 'when the next step is due' })),
    tasks: Type.Array(Type.Object({ task: Type.Enum([...chainTasks]), at: Instant }), {
      description: 'what the control room was asked to do, newest last',
    }),
    answeredAt: Type.Optional(Instant),
    arrivedAt: Type.Optional(Instant),
    resolvedAt: Type.Optional(Instant),
    answers: Type.Array(Answer),
  },
  { title: 'Response' },
)
export type Response = Static<typeof Response>

/** One message to one person on one channel, and what became of it. */
export const Notice = Type.Object(
  {
    id: Type.String(),
    at: Instant,
    round: Type.Integer(),
    step: Type.Integer(),
    person: Type.String(),
    notifier: Type.String(),
    state: Type.Enum(['waiting', 'accepted', 'failed', 'quiet', 'withdrawn']),
    triedAt: Type.Optional(Instant),
    acceptedAt: Type.Optional(Instant),
    failedAt: Type.Optional(Instant),
    reply: Type.Optional(Type.String()),
    seenAt: Type.Optional(Instant),
    answeredAt: Type.Optional(Instant),
  },
  { title: 'Notice' },
)
export type Notice = Static<typeof Notice>

export function responseToWire(response: CoreResponse): Response {
  const { tasks, answers, roundStartedAt: _, nextStep: __, notices: ___, ...rest } = response
  const { answered, arrived, resolved } = responseTimes(response)
  return {
    ...withInstants(rest, 'startedAt', 'nextAt'),
    tasks: tasks.map((task) => withInstants(task, 'at')),
    ...(answered ? { answeredAt: withInstants(answered, 'at').at } : {}),
    ...(arrived ? { arrivedAt: withInstants(arrived, 'at').at } : {}),
    ...(resolved ? { resolvedAt: withInstants(resolved, 'at').at } : {}),
    answers: answers.map(answerToWire),
  }
}

export function answerToWire(answer: CoreAnswer): Answer {
  return withInstants(answer, 'at')
}

export function noticeToWire(notice: CoreNotice): Notice {
  return withInstants(notice, 'at', 'triedAt', 'acceptedAt', 'failedAt', 'seenAt', 'answeredAt')
}
