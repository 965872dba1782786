import { seededRandom } from '../random.ts'
import type { Building } from './building.ts'

/** How light it is. */
export type Daylight = 'day' | 'overcast' | 'dusk' | 'night'

const brightness: Record<Daylight, { sky: number; wall: number; lit: number }> = {
  day: { sky: 215, wall: 1, lit: 0 },
  overcast: { sky: 190, wall: 0.8, lit: 0.05 },
  dusk: { sky: 90, wall: 0.45, lit: 0.3 },
  night: { sky: 16, wall: 0.2, lit: 0.35 },
}

/** Draws the facade, the sky, the houses beside it and a tree at its foot. @param margin pixels around the picture */
export function drawFacade(building: Building, daylight: Daylight, margin: number, seed: number): Uint8ClampedArray {
  const { width, height, floors, columns, floorHeightM, columnWidthM } = building
  const random = seededRandom(seed)
  const light = brightness[daylight]
  const wall = 90 + random() * 90
  const band = wall * (0.7 + random() * 0.5)
  const windows = Float32Array.from({ length: (floors + 2) * (columns + 2) }, () =>
    random() < light.lit ? 150 + random() * 90 : (25 + random() * 70) * Math.max(0.3, light.wall),
  )
  const things = Float32Array.from({ length: windows.length }, () => random())
  const texture = Float32Array.from({ length: 64 * 64 }, () => (random() - 0.5) * 14 * light.wall)
  const half = (columns * columnWidthM) / 2
  const top = floors * floorHeightM

  const shade = (px: number, py: number): number => {
    const hit = building.onFacade(px, py)
    if (!hit || hit.up > top || hit.up < -1) return light.sky - (py / height) * light.sky * 0.15
    const { x, up } = hit
    const noise = texture[(Math.floor(up * 9) & 63) * 64 + (Math.floor(x * 9) & 63)]!
    if (Math.abs(x) > half) {
      const isNeighbour = Math.abs(x) > half + 6 && up < top * 0.7
      return isNeighbour ? 60 * light.wall + noise : light.sky - (py / height) * light.sky * 0.15
    }
    if (up < 0) return 70 * light.wall + noise
    const column = Math.floor((x + half) / columnWidthM)
    const floor = Math.floor(up / floorHeightM)
    const u = (x + half) / columnWidthM - column
    const v = up / floorHeightM - floor
    const cell = floor * columns + column
    if (v < 0.07) return band * light.wall + noise
    const [left, right, sill, lintel] = building.isGlass ? [0.04, 0.96, 0.1, 0.97] : [0.2, 0.8, 0.32, 0.85]
    if (u > left && u < right && v > sill && v < lintel) {
      const isFrame = Math.abs(u - 0.5) < 0.015 || u - left < 0.02 || right - u < 0.02
      return isFrame ? 200 * light.wall : windows[cell]! + noise * 0.5
    }
    if (building.hasBalconies && column % 2 === 0 && v < 0.36)
      return (u * 40) % 2 < 1 ? 170 * light.wall : 60 * light.wall
    // Air conditioners.
    if (things[cell]! < 0.4 && u > 0.82 && u < 0.97 && v > 0.3 && v < 0.55) return 205 * light.wall + noise
    return wall * light.wall + noise
  }

  const stride = width + 2 * margin
  const data = new Uint8ClampedArray(stride * (height + 2 * margin))
  for (let y = 0, at = 0; y < height + 2 * margin; y++)
    for (let x = 0; x < stride; x++, at++) {
      const [px, py] = [x - margin, y - margin]
      data[at] =
        (shade(px + 0.25, py + 0.25) +
          shade(px + 0.75, py + 0.25) +
          shade(px + 0.25, py + 0.75) +
          shade(px + 0.75, py + 0.75)) /
        4
    }
  return data
}
