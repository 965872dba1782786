import { type Static, Type } from 'typebox'
import type { LearningExample as CoreExample, LearningStatus as CoreStatus } from '../../core/learning.ts'
import { Instant, toInstant, withInstants } from './instant.ts'
import { Id } from './place.ts'

const Count = Type.Integer({ minimum: 0 })
const Version = Type.Integer({ minimum: 1 })
const Phrases = Type.Array(Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])), {
  description: 'keys and parameters of sentences, as in `why` of an alarm',
})

export const LearningReport = Type.Object(
  {
    at: Instant,
    confirmed: Count,
    falseAlarms: Count,
    heldBack: Type.Array(
      Type.Object({
        split: Type.Enum(['one-out', 'newest', 'lift-out'], {
          description: 'each held back in turn; the newest third; each lift judged by what the others taught',
        }),
        confirmed: Count,
        confirmedLost: Count,
        falseAlarms: Count,
        falseRemoved: Count,
      }),
    ),
    isBetter: Type.Boolean({ description: 'removes false alarms and loses no confirmed one: may be switched on' }),
    why: Phrases,
  },
  { title: 'LearningReport' },
)
export type LearningReport = Static<typeof LearningReport>

export const LearningStatus = Type.Object(
  {
    mode: Type.Enum(['off', 'watch', 'auto']),
    label: Type.String({ description: 'what it may take back' }),
    model: Type.String(),
    canLearn: Type.Boolean({ description: 'whether the model in use gives embeddings' }),
    active: Type.Optional(Type.Object({ version: Version, since: Instant, by: Type.String() })),
    examples: Type.Object(
      { confirmed: Count, falseAlarms: Count, unjudged: Count, takenBack: Count },
      { description: '`takenBack`: without an alarm, and nobody has said yet what they were' },
    ),
    versions: Type.Array(
      Type.Object({ version: Version, model: Type.String(), createdAt: Instant, report: LearningReport }),
      { description: 'newest first' },
    ),
    switches: Type.Array(
      Type.Object({
        at: Instant,
        version: Type.Optional(Version),
        by: Type.String(),
        reason: Type.Enum(['person', 'better', 'rolled-back', 'confirmed-lost']),
      }),
      { description: 'newest first; without a version: off' },
    ),
    counts: Type.Object(
      { judged: Count, vetoed: Count, protected: Count },
      { description: 'detections since the start' },
    ),
  },
  { title: 'LearningStatus' },
)
export type LearningStatus = Static<typeof LearningStatus>

export function learningToWire(status: CoreStatus): LearningStatus {
  return {
    ...status,
    ...(status.active ? { active: withInstants(status.active, 'since') } : {}),
    versions: status.versions.map(({ report, ...version }) => ({
      ...withInstants(version, 'createdAt'),
      report: { ...report, at: toInstant(report.at), heldBack: [...report.heldBack], why: [...report.why] },
    })),
    switches: status.switches.map((turn) => withInstants(turn, 'at')),
  } as LearningStatus
}

export const LearningExample = Type.Object(
  {
    id: Id,
    alarmId: Type.Optional(Type.Unsafe<string>({ ...Id, description: 'absent: taken back, so there was no alarm' })),
    camera: Type.String(),
    lift: Type.Optional(Type.String()),
    label: Type.String(),
    model: Type.String(),
    score: Type.Number({ minimum: 0, maximum: 1 }),
    seenAt: Instant,
    createdAt: Instant,
    hasEmbedding: Type.Boolean(),
    verdict: Type.Optional(
      Type.Object({
        value: Type.Enum(['confirmed', 'false-alarm']),
        reason: Type.Optional(Type.String()),
        by: Type.String(),
        at: Instant,
      }),
    ),
  },
  { title: 'LearningExample' },
)
export type LearningExample = Static<typeof LearningExample>

export const LearningExampleList = Type.Object({ items: Type.Array(LearningExample) }, { title: 'LearningExampleList' })
export type LearningExampleList = Static<typeof LearningExampleList>

export function exampleToWire(example: CoreExample): LearningExample {
  const { id, alarmId, camera, lift, label, model, score, seenAt, createdAt, embedding, verdict } = example
  return {
    ...{ id, camera, label, model, score, hasEmbedding: embedding !== undefined },
    ...(alarmId === undefined ? {} : { alarmId }),
    ...{ seenAt: toInstant(seenAt), createdAt: toInstant(createdAt) },
    ...(lift === undefined ? {} : { lift }),
    ...(verdict ? { verdict: withInstants(verdict, 'at') } : {}),
  } as LearningExample
}

export const ExampleVerdictRequest = Type.Object(
  {
    value: Type.Enum(['confirmed', 'false-alarm']),
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
  },
  { title: 'ExampleVerdictRequest', additionalProperties: false },
)

export const SwitchOn = Type.Object(
  { version: Type.Optional(Type.Integer({ minimum: 1, description: 'default: the newest that is better' })) },
  { title: 'LearningSwitchOn', additionalProperties: false },
)
