import { seededRandom } from '../random.ts'
import { createBuilding } from './building.ts'
import { createCanvas } from './canvas.ts'
import { type DistractorKind, distractors } from './distractors.ts'
import { type Daylight, drawFacade } from './facade.ts'
import { createPictureDisturbance, type PictureDisturbanceKind } from './picture-disturbance.ts'
import { type Sight, type Thrown, thrownKinds, throwSomething } from './thrown.ts'

/** What a facade scene shows. The same plan gives the same pictures. */
export interface ScenePlan {
  building: number
  seed: number
  /** Picture width, pixels; the height follows from 16:9. */
  width: number
  framesPerSecond: number
  seconds: number
  daylight: Daylight
  /** Throws: what, and when it leaves the hand, seconds. Any kind when `kind` is absent. */
  throws: ReadonlyArray<{ at: number; kind?: string }>
  distractors: readonly DistractorKind[]
  disturbances: readonly PictureDisturbanceKind[]
  /** Noise of the sensor at 1920 pixels across: standard deviation, luma levels. Smaller pictures average it. */
  noise: number
}

/** One box of `tracks.json`: pixels, frames from 0; `area` is the object's outline without blur. */
export interface TrackBox {
  f: number
  x: number
  y: number
  w: number
  h: number
  cx: number
  cy: number
  area: number
}

/** Ground truth of one throw. */
export interface ThrowTruth {
  /** Name of its track. */
  track: string
  kind: string
  /** Storey it was thrown from, 1 at the ground. */
  floor: number
  /** 0…1 across the facade. */
  column: number
}

export interface FacadeScene {
  readonly width: number
  readonly height: number
  readonly frames: number
  /** Draws the next picture into `out` (luma, row by row). */
  next(out: Uint8ClampedArray): void
  /** What was drawn so far. */
  truth(): { tracks: Record<string, TrackBox[]>; throws: ThrowTruth[] }
}

export function createScene(plan: ScenePlan): FacadeScene {
  const building = createBuilding(plan.building, plan.width)
  const { width, height } = building
  const random = seededRandom(plan.seed)
  const unit = width / 960
  const margin = plan.disturbances.includes('shake') ? Math.ceil(5 * unit) : 0
  const backdrop = drawFacade(building, plan.daylight, margin, plan.building * 31 + 5)
  const canvas = createCanvas(width + 2 * margin, height + 2 * margin)
  const wind = (random() - 0.5) * 3
  const movers = plan.distractors.map((kind) => distractors[kind](building, random, wind))
  const disturb = createPictureDisturbance(plan.disturbances, random, unit)
  const grain = createGrain(plan.noise * Math.min(1, width / 1920), random)
  const dt = 1 / plan.framesPerSecond
  const shutterShare = plan.daylight === 'night' ? 1 : plan.daylight === 'dusk' ? 0.5 : 0.25
  const pending = plan.throws
    .map(({ at, kind }) => {
      const chosen =
        thrownKinds.find((each) => each.kind === kind) ?? thrownKinds[Math.floor(random() * thrownKinds.length)]!
      return {
        at,
        thrown: throwSomething(
          building,
          chosen,
          seededRandom(Math.floor(random() * 2 ** 31)),
          shutterShare,
          wind * 0.4,
        ),
      }
    })
    .sort((a, b) => a.at - b.at)
  const flying: Array<{ name: string; thrown: Thrown }> = []
  const tracks: Record<string, TrackBox[]> = {}
  const throws: ThrowTruth[] = []
  let frame = 0

  const note = (name: string, seen: Sight | undefined, shift: { dx: number; dy: number }) => {
    if (!seen || seen.cx < 0 || seen.cy < 0 || seen.cx >= width || seen.cy >= height) return
    tracks[name] ??= []
    tracks[name].push({
      f: frame,
      x: Math.max(0, Math.round(seen.x0 + shift.dx)),
      y: Math.max(0, Math.round(seen.y0 + shift.dy)),
      w: Math.round(seen.x1 - seen.x0),
      h: Math.round(seen.y1 - seen.y0),
      cx: rounded(seen.cx + shift.dx),
      cy: rounded(seen.cy + shift.dy),
      area: rounded(seen.area),
    })
  }

  return {
    width,
    height,
    frames: Math.round(plan.seconds * plan.framesPerSecond),
    next(out) {
      const time = frame * dt
      while (pending[0] && pending[0].at <= time) {
        const { thrown } = pending.shift()!
        const name = throws.length === 0 ? 'object' : `object-${throws.length + 1}`
        throws.push({ track: name, kind: thrown.kind, floor: thrown.floor, column: rounded(thrown.column) })
        flying.push({ name, thrown })
      }
      const state = disturb(time)
      canvas.data.set(backdrop)
      for (const mover of movers) {
        mover.advance(dt)
        mover.paint(canvas, margin)
      }
      for (const { name, thrown } of flying) {
        if (thrown.isOver) continue
        thrown.advance(dt)
        const seen = thrown.paint(canvas, margin)
        note(name, seen.object, state)
        note(name.replace('object', 'window_reflection'), seen.mirror, state)
      }
      expose(canvas.data, out, { ...state, width, height, margin }, grain)
      frame++
    },
    truth: () => ({ tracks, throws }),
  }
}

/** Sensor noise: a long strip of normal deviates, entered at a random place for every row. */
function createGrain(deviation: number, random: () => number) {
  const strip = Int8Array.from({ length: 1 << 16 }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    return Math.round(Math.max(-100, Math.min(100, normal * deviation)))
  })
  return { strip, enter: () => Math.floor(random() * strip.length) }
}

/** Shift, exposure and noise in one pass. */
function expose(
  from: Uint8ClampedArray,
  out: Uint8ClampedArray,
  at: { dx: number; dy: number; gain: number; offset: number; width: number; height: number; margin: number },
  grain: { strip: Int8Array; enter(): number },
): void {
  const { width, height, margin, gain, offset } = at
  const stride = width + 2 * margin
  const wholeX = Math.floor(-at.dx)
  const wholeY = Math.floor(-at.dy)
  const fx = -at.dx - wholeX
  const fy = -at.dy - wholeY
  const isMoved = margin > 0
  const { strip } = grain
  for (let y = 0, to = 0; y < height; y++) {
    const row = Math.max(0, Math.min(height + 2 * margin - 2, y + margin + wholeY)) * stride
    let source = row + Math.max(0, Math.min(2 * margin - 1, margin + wholeX))
    let noise = grain.enter()
    for (let x = 0; x < width; x++, to++, source++) {
      const luma = isMoved
        ? (from[source]! * (1 - fx) + from[source + 1]! * fx) * (1 - fy) +
          (from[source + stride]! * (1 - fx) + from[source + stride + 1]! * fx) * fy
        : from[source]!
      noise = (noise + 1) & 0xffff
      out[to] = luma * gain + offset + strip[noise]!
    }
  }
}

const rounded = (value: number) => Math.round(value * 100) / 100
