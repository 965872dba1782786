import { seededRandom } from '../random.ts'

/** A point of the world: metres along the facade from its middle, metres in front of it, metres above the ground. */
export interface WorldPoint {
  x: number
  out: number
  up: number
}

/** Where a world point lies in the picture, and how large a metre is there. */
export interface PicturePoint {
  x: number
  y: number
  /** Pixels per metre across the line of sight. */
  scale: number
  /** Metres from the camera along its axis; not positive behind it. */
  depth: number
}

/** A facade and the camera that looks up at it. Lengths in metres, the picture in pixels. */
export interface Building {
  name: string
  floors: number
  floorHeightM: number
  columns: number
  columnWidthM: number
  isGlass: boolean
  hasBalconies: boolean
  width: number
  height: number
  project(point: WorldPoint): PicturePoint
  /** Where the line of sight of a pixel meets the facade's plane; undefined above the horizon of the plane. */
  onFacade(x: number, y: number): { x: number; up: number } | undefined
  random(): number
}

/**
 * A building by its number: the same number gives the same facade and camera at every picture size of the same shape.
 * @param width of the picture, pixels; 16:9
 */
export function createBuilding(number: number, width: number): Building {
  const random = seededRandom(number * 7919 + 13)
  const between = (low: number, high: number) => low + random() * (high - low)
  const height = Math.round((width * 9) / 16)
  const floors = Math.round(between(7, 30))
  const floorHeightM = between(2.8, 3.2)
  const columns = Math.round(between(5, 10))
  const columnWidthM = between(3, 4.5)
  const isGlass = random() < 0.3
  const hasBalconies = random() < 0.5
  const topM = floors * floorHeightM
  // Far enough back that the upper floors are not seen at a grazing angle, as installers place such cameras.
  const distanceM = Math.min(70, Math.max(16, topM * between(0.45, 0.8)))
  const sideM = between(-0.3, 0.3) * columns * columnWidthM
  const cameraUpM = between(1.5, 4)
  const yaw = Math.atan2(-sideM * between(0.5, 1), distanceM)
  const lowest = Math.atan2(floorHeightM * between(0, 2) - cameraUpM, distanceM)
  const highest = Math.atan2(topM * between(1, 1.08) - cameraUpM, distanceM)
  const pitch = (lowest + highest) / 2
  const focal = height / 2 / Math.tan(Math.min(0.62, (highest - lowest) / 2 + 0.02))
  const [sinYaw, cosYaw, sinPitch, cosPitch] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)]

  return {
    name: `building-${number}`,
    ...{ floors, floorHeightM, columns, columnWidthM, isGlass, hasBalconies, width, height, random },
    project({ x, out, up }) {
      const dx = x - sideM
      const ahead = distanceM - out
      const dz = up - cameraUpM
      const right = dx * cosYaw - ahead * sinYaw
      const forward = dx * sinYaw + ahead * cosYaw
      const depth = forward * cosPitch + dz * sinPitch
      const upward = dz * cosPitch - forward * sinPitch
      const scale = focal / depth
      return { x: width / 2 + right * scale, y: height / 2 - upward * scale, scale, depth }
    },
    onFacade(px, py) {
      const right = (px - width / 2) / focal
      const upward = (height / 2 - py) / focal
      const forward = cosPitch - upward * sinPitch
      const dz = sinPitch + upward * cosPitch
      const dx = right * cosYaw + forward * sinYaw
      const ahead = forward * cosYaw - right * sinYaw
      if (ahead < 1e-3) return undefined
      const steps = distanceM / ahead
      return { x: sideM + dx * steps, up: cameraUpM + dz * steps }
    },
  }
}

type Line = [[number, number], [number, number]]

/** What a person would click on the calibration page: both edges and some floor lines, in fractions of the picture. */
export function calibrationOf(building: Building) {
  const half = (building.columns * building.columnWidthM) / 2
  const at = (x: number, up: number): [number, number] => {
    const { x: px, y: py } = building.project({ x, out: 0, up })
    return [px / building.width, py / building.height]
  }
  const top = building.floors * building.floorHeightM
  const line = (x: number): Line => [at(x, building.floorHeightM), at(x, top)]
  const levels = [1, Math.round(building.floors / 2), building.floors]
  return {
    left: line(-half),
    right: line(half),
    /** `floor` is the storey whose floor slab the line is, counted from 1 at the ground; one more is the roof's edge. */
    floors: levels.map((level) => ({
      floor: level + 1,
      line: [at(-half, level * building.floorHeightM), at(half, level * building.floorHeightM)] as Line,
    })),
    floorHeightM: building.floorHeightM,
    columns: building.columns,
  }
}
