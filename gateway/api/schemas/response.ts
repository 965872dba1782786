import { type Static, Type } from 'typebox'
import type { Answer as CoreAnswer, Notice as CoreNotice, Response as CoreResponse } from '../../core/escalation.ts'
import { responseStates, responseTimes } from '../../core/escalation.ts'
import { chainTasks } from '../../core/person.ts'
import type { NextStep as CoreNextStep } from '../../core/ports.ts'
import { Instant, withInstants } from './instant.ts'
import { Why } from './why.ts'

export const Answer = Type.Object({
  type: Type.Enum(['answered', 'arrived', 'resolved']),
  at: Instant,
  by: Type.String({ description: 'person id of a link, user id of the console or of a page' }),
  via: Type.Enum(['link', 'console', 'page', 'call']),
  note: Type.Optional(Type.String({ description: 'what was found or done, in their own words' })),
})
export type Answer = Static<typeof Answer>

/** Body of `POST /alarms/:id/answer|arrived|resolved`; may be left out. */
export const AnswerRequest = Type.Object(
  { note: Type.Optional(Type.String({ maxLength: 2000 })) },
  { additionalProperties: false, title: 'AnswerRequest' },
)
export type AnswerRequest = Static<typeof AnswerRequest>

/** Answer of `GET /alarms/:id/next-step`. */
export const NextStep = Type.Object(
  {
    next: Type.Optional(
      Type.Object({
        at: Instant,
        round: Type.Integer({ minimum: 0 }),
        people: Type.Array(Type.String(), { description: 'person ids, by who is on duty then' }),
        channels: Type.Optional(Type.Array(Type.String(), { description: 'every channel of a person where absent' })),
        task: Type.Optional(Type.Enum([...chainTasks])),
      }),
    ),
  },
  { title: 'NextStep', description: 'who is told next unless somebody answers; `next` is absent where nobody is' },
)
export type NextStep = Static<typeof NextStep>

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
    deliveredAt: Type.Optional(Instant),
    failedAt: Type.Optional(Instant),
    reply: Type.Optional(Type.String({ description: 'in English, with the words of the channel' })),
    phrases: Type.Optional(
      Type.Unsafe<readonly Why[]>(
        Type.Array(Why, { description: 'the same for translation; absent where only the words are known' }),
      ),
    ),
    reference: Type.Optional(Type.String({ description: "the channel's number for the message" })),
    seenAt: Type.Optional(Instant),
    answeredAt: Type.Optional(Instant),
  },
  { title: 'Notice' },
)
export type Notice = Static<typeof Notice>

export function responseToWire(response: CoreResponse): Response {
  const {
    tasks,
    answers,
    roundStartedAt: _,
    nextStep: __,
    notices: ___,
    lastRound: ____,
    worst: _____,
    ...rest
  } = response
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

export function nextStepToWire(next: CoreNextStep | undefined): NextStep {
  if (!next) return {}
  const { channels, ...rest } = next
  return { next: { ...withInstants(rest, 'at'), ...(channels ? { channels: [...channels] } : {}) } }
}

export function answerToWire(answer: CoreAnswer): Answer {
  return withInstants(answer, 'at')
}

export function noticeToWire(notice: CoreNotice): Notice {
  return withInstants(notice, 'at', 'triedAt', 'acceptedAt', 'deliveredAt', 'failedAt', 'seenAt', 'answeredAt')
}
