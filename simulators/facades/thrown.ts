import type { Building, WorldPoint } from './building.ts'
import { areaOf, type Canvas, shapeAround, type Touched } from './canvas.ts'

/** What is thrown: sizes in metres, `terminal` the speed at which the air holds it, m/s. */
interface ThrownKind {
  kind: string
  width: readonly [number, number]
  length: readonly [number, number]
  terminal: readonly [number, number]
  isRound: boolean
  /** How much it sways while it falls, m/s. */
  flutter: number
  /** Share of its speed a hard thing keeps when it bounces. */
  bounce: number
}

export const thrownKinds: readonly ThrownKind[] = [
  {
    kind: 'bottle',
    width: [0.06, 0.1],
    length: [0.2, 0.32],
    terminal: [14, 28],
    isRound: false,
    flutter: 0,
    bounce: 0.3,
  },
  { kind: 'bag', width: [0.3, 0.5], length: [0.35, 0.6], terminal: [12, 20], isRound: true, flutter: 0, bounce: 0.05 },
  {
    kind: 'cigarette',
    width: [0.012, 0.02],
    length: [0.06, 0.09],
    terminal: [5, 8],
    isRound: false,
    flutter: 0.2,
    bounce: 0.1,
  },
  {
    kind: 'paper',
    width: [0.15, 0.3],
    length: [0.2, 0.4],
    terminal: [1.6, 2.8],
    isRound: false,
    flutter: 1.1,
    bounce: 0,
  },
  { kind: 'cloth', width: [0.3, 0.7], length: [0.4, 0.9], terminal: [3.2, 6], isRound: true, flutter: 0.5, bounce: 0 },
  { kind: 'box', width: [0.15, 0.4], length: [0.2, 0.5], terminal: [9, 16], isRound: false, flutter: 0, bounce: 0.25 },
]

const gravity = 9.81
/** Steps of the simulation per picture; also the moments of its exposure. */
const stepsPerFrame = 8

/** One object on its way, with where it was at the steps of the last picture. */
export interface Thrown {
  kind: string
  floor: number
  /** 0…1 across the facade. */
  column: number
  isOver: boolean
  isMirrored: boolean
  advance(dt: number): void
  paint(canvas: Canvas, margin: number): { object: Sight | undefined; mirror: Sight | undefined }
}

export interface Sight extends Touched {
  cx: number
  cy: number
  /** Area of its outline without blur, pixels². */
  area: number
}

/** @param shutterShare how much of the time between two pictures the shutter is open */
export function throwSomething(
  building: Building,
  kind: ThrownKind,
  random: () => number,
  shutterShare: number,
  wind: number,
): Thrown {
  const between = ([low, high]: readonly [number, number]) => low + random() * (high - low)
  const top = building.floors * building.floorHeightM
  const half = (building.columns * building.columnWidthM) / 2
  const floor = 1 + Math.floor((0.25 + 0.75 * random()) * building.floors)
  const startUp = Math.min(top - 0.3, (floor - 1 + 0.35 + random() * 0.4) * building.floorHeightM)
  const at: WorldPoint = { x: (random() * 1.8 - 0.9) * half, out: 0.25, up: startUp }
  const startColumn = (at.x + half) / (2 * half)
  const isHurled = random() < 0.5
  const speed = {
    x: (random() - 0.5) * (isHurled ? 4 : 0.8),
    out: isHurled ? 1 + random() * 4 : 0.3 + random() * 0.8,
    up: isHurled ? random() * 2.5 - 0.5 : 0,
  }
  const terminal = between(kind.terminal)
  const width = between(kind.width)
  const length = between(kind.length)
  const luma = random() < 0.5 ? 15 + random() * 45 : 185 + random() * 60
  const spin = (random() - 0.5) * 16
  const phase = random() * 7
  const swayRate = 3 + random() * 4
  const canopy = random() < 0.1 ? building.floorHeightM * (1 + random() * 2) : 0
  let angle = random() * 7
  let time = 0
  let bounces = 0
  let isOver = false
  const trail: Array<WorldPoint & { angle: number }> = []

  const step = (dt: number) => {
    time += dt
    const sway = kind.flutter * Math.sin(time * swayRate + phase)
    const relative = { x: speed.x - wind - sway, out: speed.out, up: speed.up - 0.35 * Math.abs(sway) }
    const drag = (gravity / terminal ** 2) * Math.hypot(relative.x, relative.out, relative.up)
    speed.x -= relative.x * drag * dt
    speed.out -= relative.out * drag * dt
    speed.up -= (gravity + relative.up * drag) * dt
    at.x += speed.x * dt
    at.out = Math.max(0.15, at.out + speed.out * dt)
    at.up += speed.up * dt
    angle += spin * dt * (0.3 + Math.min(1, time))
    const ground = canopy > 0 && at.out < 2.5 ? canopy : 0.1
    if (at.up >= ground || speed.up >= 0) return
    at.up = ground
    speed.up = -speed.up * kind.bounce
    speed.x *= 0.5
    speed.out = speed.out * 0.5 + (ground > 0.1 ? 1 : 0)
    if (++bounces > 3 || speed.up < 0.5) isOver = true
  }

  const sight = (canvas: Canvas, margin: number, isMirror: boolean): Sight | undefined => {
    const projected = trail.map((point) => ({
      ...building.project(isMirror ? { ...point, out: -point.out } : point),
      angle: point.angle,
    }))
    const middle = projected[Math.floor(projected.length / 2)]
    if (!middle || middle.depth < 1) return undefined
    if (isMirror) {
      const on = building.onFacade(middle.x, middle.y)
      // Seen only where there is glass.
      if (!on || Math.abs(on.x) > half || on.up > top || on.up < 0) return undefined
    }
    // A turning sheet or bottle shows another side: its outline narrows.
    const turn = kind.isRound ? 1 : 0.45 + 0.55 * Math.abs(Math.cos(middle.angle * 0.7 + phase))
    const shapes = projected.map((p) =>
      shapeAround(p.x + margin, p.y + margin, width * turn * p.scale, length * p.scale, p.angle, kind.isRound),
    )
    const open = Math.max(1, Math.round(stepsPerFrame * shutterShare))
    const touched = canvas.paint(shapes.slice(-open), isMirror ? luma * 0.6 + 50 : luma, isMirror ? 0.4 : 1)
    if (!touched) return undefined
    const area = areaOf(shapes[Math.floor(shapes.length / 2)]!)
    return {
      ...{ x0: touched.x0 - margin, y0: touched.y0 - margin, x1: touched.x1 - margin, y1: touched.y1 - margin },
      cx: middle.x,
      cy: middle.y,
      area,
    }
  }

  return {
    kind: kind.kind,
    floor,
    column: startColumn,
    get isOver() {
      return isOver
    },
    isMirrored: building.isGlass,
    advance(dt) {
      trail.length = 0
      for (let i = 0; i < stepsPerFrame && !isOver; i++) {
        step(dt / stepsPerFrame)
        trail.push({ ...at, angle })
      }
    },
    paint(canvas, margin) {
      if (trail.length === 0) return { object: undefined, mirror: undefined }
      const mirror = building.isGlass ? sight(canvas, margin, true) : undefined
      return { object: sight(canvas, margin, false), mirror }
    },
  }
}
