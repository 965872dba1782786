import type { Building } from './building.ts'
import type { Canvas } from './canvas.ts'

/** What moves before a facade and is no throw. Each is painted once per picture; `dt` seconds went by since the last. */
export interface Distractor {
  advance(dt: number): void
  paint(canvas: Canvas, margin: number): void
}

export type Maker = (building: Building, random: () => number, wind: number) => Distractor

const platformLuma = 70

/** Washing on lines before windows: swings, and sometimes flies up. */
export const laundry: Maker = (building, random, wind) => {
  const pieces = Array.from({ length: 4 + Math.floor(random() * 10) }, () => ({
    ...spotOn(building, random),
    wide: 0.4 + random() * 0.6,
    long: 0.5 + random() * 0.9,
    shade: 40 + random() * 200,
    rate: 1.5 + random() * 3,
    phase: random() * 7,
  }))
  let time = 0
  return {
    advance(dt) {
      time += dt
    },
    paint(canvas, margin) {
      const gust = (0.05 + 0.1 * Math.abs(wind)) * (1 + Math.sin(time * 0.4))
      for (const piece of pieces) {
        const swing = gust * Math.sin(time * piece.rate + piece.phase) + 0.5 * gust * Math.sin(time * piece.rate * 2.3)
        const corners = [
          [piece.x - piece.wide / 2, piece.up],
          [piece.x + piece.wide / 2, piece.up],
          [piece.x + piece.wide / 2 + swing, piece.up - piece.long * (1 - 0.2 * Math.abs(swing))],
          [piece.x - piece.wide / 2 + swing, piece.up - piece.long * (1 - 0.3 * Math.abs(swing))],
        ] as const
        canvas.paint([polygonOn(building, corners, 0.6, margin)], piece.shade)
      }
    },
  }
}

export const curtains: Maker = (building, random) => {
  const all = Array.from({ length: 3 + Math.floor(random() * 6) }, () => ({
    ...windowOn(building, random),
    shade: 90 + random() * 140,
    rate: 0.3 + random() * 1.5,
    phase: random() * 7,
  }))
  let time = 0
  return {
    advance(dt) {
      time += dt
    },
    paint(canvas, margin) {
      for (const { x0, x1, low, high, shade, rate, phase } of all) {
        const drawn = x0 + (x1 - x0) * (0.25 + 0.2 * Math.sin(time * rate + phase) + 0.03 * Math.sin(time * 9 + phase))
        const corners = [
          [x0, high],
          [drawn, high],
          [drawn + 0.15 * Math.sin(time * 2 + phase), low],
          [x0, low],
        ] as const
        canvas.paint([polygonOn(building, corners, 0, margin)], shade)
      }
    },
  }
}

/** Room lights that go on and off, floor after floor too, as in a stairwell. */
export const lights: Maker = (building, random) => {
  const rooms = Array.from({ length: 10 }, () => ({
    ...windowOn(building, random),
    isOn: random() < 0.5,
    until: random() * 15,
    shade: 130 + random() * 110,
  }))
  const stair = windowOn(building, random)
  const stairAt = 3 + random() * 20
  const stairStep = 0.25 + random() * 2
  let time = 0
  return {
    advance(dt) {
      time += dt
      for (const room of rooms)
        if (time > room.until) Object.assign(room, { isOn: !room.isOn, until: time + 1 + random() * 20 })
    },
    paint(canvas, margin) {
      const paint = (room: Window, shade: number) =>
        canvas.paint(
          [
            polygonOn(
              building,
              [
                [room.x0, room.high],
                [room.x1, room.high],
                [room.x1, room.low],
                [room.x0, room.low],
              ],
              0,
              margin,
            ),
          ],
          shade,
        )
      for (const room of rooms) if (room.isOn) paint(room, room.shade)
      // Somebody walks down the stairs: one light after the other.
      const level = building.floors - 1 - Math.floor((time - stairAt) / stairStep)
      if (time < stairAt || level < 0) return
      const lift = level * building.floorHeightM - Math.floor(stair.low / building.floorHeightM) * building.floorHeightM
      paint({ ...stair, low: stair.low + lift, high: stair.high + lift }, 220)
    },
  }
}

/** A gondola of window cleaners on two ropes, and a person in it who moves. */
export const platform: Maker = (building, random) => {
  const top = building.floors * building.floorHeightM
  const x = (random() - 0.5) * building.columns * building.columnWidthM * 0.7
  let up = top * (0.3 + 0.6 * random())
  const speed = (0.15 + random() * 0.35) * (random() < 0.7 ? -1 : 1)
  let time = 0
  return {
    advance(dt) {
      time += dt
      const isMoving = Math.sin(time * 0.25) > -0.4
      up = Math.min(top - 2, Math.max(4, up + (isMoving ? speed * dt : 0)))
    },
    paint(canvas, margin) {
      const sway = 0.06 * Math.sin(time * 1.3)
      const box = (x0: number, x1: number, low: number, high: number, shade: number) =>
        canvas.paint(
          [
            polygonOn(
              building,
              [
                [x0, high],
                [x1, high],
                [x1, low],
                [x0, low],
              ],
              0.8,
              margin,
            ),
          ],
          shade,
        )
      for (const rope of [-1.8, 1.8]) box(x + rope - 0.03 + sway, x + rope + 0.03 + sway, up, top, 50)
      box(x - 2 + sway, x + 2 + sway, up, up + 1.1, platformLuma)
      const person = x + 1.2 * Math.sin(time * 0.5)
      box(person - 0.25, person + 0.25, up + 1.1, up + 1.8, 190)
      const arm = 0.5 * Math.sin(time * 3)
      box(person + 0.2 + arm, person + 0.4 + arm, up + 1.2, up + 1.7 + arm * 0.4, 150)
    },
  }
}

interface Window {
  x0: number
  x1: number
  low: number
  high: number
}

function spotOn(building: Building, random: () => number) {
  return {
    x: (random() - 0.5) * building.columns * building.columnWidthM * 0.95,
    up: (1 + Math.floor(random() * (building.floors - 1)) + 0.75) * building.floorHeightM,
  }
}

function windowOn(building: Building, random: () => number): Window {
  const column = Math.floor(random() * building.columns)
  const floor = Math.floor(random() * building.floors)
  const left = -(building.columns * building.columnWidthM) / 2
  return {
    x0: left + (column + 0.2) * building.columnWidthM,
    x1: left + (column + 0.8) * building.columnWidthM,
    low: (floor + 0.32) * building.floorHeightM,
    high: (floor + 0.85) * building.floorHeightM,
  }
}

function polygonOn(
  building: Building,
  corners: ReadonlyArray<readonly [x: number, up: number]>,
  out: number,
  margin: number,
): number[] {
  return corners.flatMap(([x, up]) => {
    const p = building.project({ x, out, up })
    return [p.x + margin, p.y + margin]
  })
}
