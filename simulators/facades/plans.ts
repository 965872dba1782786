import { seededRandom } from '../random.ts'
import { type DistractorKind, distractors } from './distractors.ts'
import type { Daylight } from './facade.ts'
import { type PictureDisturbanceKind, pictureDisturbances } from './picture-disturbance.ts'
import type { ScenePlan } from './scene.ts'
import { thrownKinds } from './thrown.ts'

interface SetOrder {
  buildings: readonly number[]
  seed: number
  width: number
}

const daylights: readonly Daylight[] = ['day', 'day', 'overcast', 'overcast', 'dusk', 'night']
const noises: Record<Daylight, number> = { day: 1.5, overcast: 2, dusk: 3, night: 4.5 }
const paintedKinds = Object.keys(distractors) as DistractorKind[]

/** Scenes of 24 s with three throws each, most of them with something else that moves. */
export function planThrows({ buildings, seed, width, count }: SetOrder & { count: number }): ScenePlan[] {
  const random = seededRandom(seed * 104_729)
  return Array.from({ length: count }, (_, i) => {
    const daylight = pick(daylights, random)
    return {
      building: buildings[i % buildings.length]!,
      seed: seed * 100_003 + i,
      width,
      framesPerSecond: 25,
      seconds: 24,
      daylight,
      throws: [3.5, 10, 16.5].map((at, turn) => ({
        at: at + random(),
        kind: thrownKinds[(i * 3 + turn) % thrownKinds.length]!.kind,
      })),
      distractors: random() < 0.35 ? [] : [pick(paintedKinds, random)],
      disturbances: random() < 0.7 ? [] : [pick(pictureDisturbances, random)],
      noise: noises[daylight] * (0.6 + random() * 0.8),
    }
  })
}

/** Scenes of 60 s in which nothing is thrown: two or three kinds of distractors each, every kind equally often. */
export function planDistractors({ buildings, seed, width, minutes }: SetOrder & { minutes: number }): ScenePlan[] {
  const random = seededRandom(seed * 130_363)
  const all: ReadonlyArray<DistractorKind | PictureDisturbanceKind> = [...paintedKinds, ...pictureDisturbances]
  return Array.from({ length: Math.ceil(minutes) }, (_, i) => {
    const kinds = new Set([all[i % all.length]!, pick(all, random), ...(random() < 0.5 ? [pick(all, random)] : [])])
    const daylight = pick(daylights, random)
    return {
      building: buildings[i % buildings.length]!,
      seed: seed * 1_000_003 + i,
      width,
      framesPerSecond: 25,
      seconds: 60,
      daylight,
      throws: [],
      distractors: paintedKinds.filter((kind) => kinds.has(kind)),
      disturbances: pictureDisturbances.filter((kind): kind is PictureDisturbanceKind => kinds.has(kind)),
      noise: noises[daylight] * (0.6 + random() * 0.8),
    }
  })
}

function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)]!
}
