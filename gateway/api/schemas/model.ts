import { type Static, Type } from 'typebox'
import type { ModelStatus as CoreStatus } from '../../core/model.ts'
import { FieldError } from './error.ts'
import { Instant, toInstant, withInstants } from './instant.ts'

const Count = Type.Integer({ minimum: 0 })

export const ModelStatus = Type.Object(
  {
    models: Type.Array(
      Type.Object({
        folder: Type.String(),
        model: Type.Optional(Type.String({ description: 'name and version' })),
        signature: Type.Optional(Type.Enum(['verified', 'none'])),
        licence: Type.Optional(Type.String()),
        state: Type.Enum(['active', 'shadow', 'ready', 'unusable']),
        problem: Type.Optional(Type.String({ description: 'why it is unusable' })),
        problems: Type.Optional(
          Type.Unsafe<readonly FieldError[]>(
            Type.Array(FieldError, { description: 'the same one by one, with the key of model.json each is about' }),
          ),
        ),
      }),
    ),
    watchedUntil: Type.Optional(Instant),
    comparisons: Type.Array(
      Type.Object({
        active: Type.String(),
        candidate: Type.String(),
        since: Instant,
        at: Instant,
        frames: Count,
        passedOver: Count,
        labels: Type.Record(Type.String(), Type.Object({ both: Count, onlyActive: Count, onlyCandidate: Count })),
        activeMs: Type.Number(),
        candidateMs: Type.Number(),
      }),
      { description: 'a candidate beside the model in use, on the same live frames; newest first' },
    ),
    switches: Type.Array(
      Type.Object({
        at: Instant,
        from: Type.String(),
        to: Type.String(),
        siteModel: Type.String(),
        by: Type.String(),
        reason: Type.Enum(['person', 'rolled-back']),
        data: Type.Record(Type.String(), Type.Unknown()),
      }),
      { description: 'newest first' },
    ),
  },
  { title: 'ModelStatus' },
)
export type ModelStatus = Static<typeof ModelStatus>

export function modelsToWire({ models, watchedUntil, comparisons, switches }: CoreStatus): ModelStatus {
  return {
    models: [...models],
    ...(watchedUntil === undefined ? {} : { watchedUntil: toInstant(watchedUntil) }),
    comparisons: comparisons.map((each) => withInstants(each, 'since', 'at')),
    switches: switches.map((turn) => withInstants(turn, 'at')),
  } as ModelStatus
}

export const ModelSwitch = Type.Object(
  { model: Type.String({ pattern: '^[\\w.-]+$', maxLength: 100, description: 'folder below models.dir' }) },
  { title: 'ModelSwitch', additionalProperties: false },
)
