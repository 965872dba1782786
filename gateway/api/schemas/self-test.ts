import { type Static, Type } from 'typebox'
import { weekdays } from '../../core/person.ts'
import type { SelfTestStatus as CoreStatus } from '../../core/self-test.ts'
import { Instant, withInstants } from './instant.ts'
import { Why } from './why.ts'

export const SelfTestPart = Type.Object({
  part: Type.Enum(['button', 'broker', 'alarm', 'speaker', 'person']),
  id: Type.String({ description: 'of the device or speaker; of a person "<person> <notifier>"' }),
  state: Type.Enum(['ok', 'failed', 'skipped']),
  reply: Type.Optional(Type.String({ description: 'in English, with the words of the device or channel' })),
  phrases: Type.Optional(
    Type.Unsafe<readonly Why[]>(
      Type.Array(Why, { description: 'the same for translation; absent where only the words are known' }),
    ),
  ),
  tookMs: Type.Optional(Type.Number()),
})
export type SelfTestPart = Static<typeof SelfTestPart>

/** Answer of `GET` and `POST /self-test`. */
export const SelfTestStatus = Type.Object(
  {
    isEnabled: Type.Boolean({ description: 'whether it comes by itself every week' }),
    day: Type.Enum([...weekdays]),
    at: Type.String({ description: "HH:MM in the site's time" }),
    isRunning: Type.Boolean(),
    last: Type.Optional(
      Type.Object({
        isPassed: Type.Boolean(),
        startedAt: Instant,
        endedAt: Instant,
        parts: Type.Array(SelfTestPart),
      }),
    ),
  },
  { title: 'SelfTestStatus' },
)
export type SelfTestStatus = Static<typeof SelfTestStatus>

export function selfTestToWire({ last, ...rest }: CoreStatus): SelfTestStatus {
  return {
    ...rest,
    ...(last ? { last: { ...withInstants(last, 'startedAt', 'endedAt'), parts: [...last.parts] } } : {}),
  }
}
