import { Type } from 'typebox'
import type { SceneTarget } from '../core/scene.ts'
import { createLocalClock, type LocalTime } from '../core/schedule.ts'

/** Option of a scene that goes by the time of day. */
export const hours = (from: string, to: string, description: string) =>
  Type.Object(
    {
      from: Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', default: from }),
      to: Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', default: to }),
    },
    { additionalProperties: false, default: {}, description },
  )

export const localTimeOf = ({ localTime }: SceneTarget): ((at: number) => LocalTime) =>
  localTime ?? createLocalClock('UTC')
