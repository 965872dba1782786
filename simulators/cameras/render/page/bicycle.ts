import * as THREE from 'three'
import { matt, metal, plastic, tyreBlack, vehicleColor } from './paint.ts'
import { Part, type Point } from './part.ts'
import type { Random } from './random.ts'
import { meshTexture } from './texture.ts'
import type { Vehicle } from './vehicle.ts'

/** Pedal bicycles: city, mountain, shared, folding and children's. */
export function createBicycle(random: Random): Vehicle {
  const part = new Part()
  const kind = random.weighted({ city: 34, mountain: 28, shared: 14, folding: 12, child: 12 })
  const scale = kind === 'child' ? random.range(0.62, 0.78) : 1
  const radius = (kind === 'folding' ? random.range(0.2, 0.25) : random.range(0.29, 0.35)) * scale
  const front = random.range(0.48, 0.54) * scale
  const rear = -front
  const frame = plastic(
    kind === 'shared' ? random.pick([0xf2c010, 0x2a8fd8, 0x38b060, 0xf07820]) : vehicleColor(random),
    0.7,
  )
  const chrome = metal(0xb0b4b8, 0.6)
  const black = matt(0x16171a)
  const rubber = tyreBlack(random)
  const tyre = kind === 'mountain' ? 0.05 : 0.034
  for (const x of [front, rear]) {
    part.wheel(rubber, chrome, [x, radius, 0], radius, tyre, 0.1)
    part.spokes(chrome, [x, radius, 0], radius * 0.9, 9, 0.0035)
  }
  const seatY = random.range(0.82, 0.95) * scale
  const headX = front - 0.16 * scale
  const headY = random.range(0.78, 0.86) * scale
  const crank: Point = [-0.02 * scale, 0.29 * scale, 0]
  const thick = kind === 'folding' ? 0.026 : 0.018
  for (const side of [-0.045, 0.045]) part.bar(frame, [front, radius, side], [headX, headY - 0.08, side * 0.6], 0.013)
  part.bar(frame, [headX, headY - 0.1, 0], [headX - 0.05, headY + 0.06, 0], 0.02)
  part.bar(frame, [headX, headY - 0.08, 0], crank, thick)
  const low = kind === 'city' || kind === 'shared' || kind === 'folding'
  if (!low) part.bar(frame, [headX - 0.03, headY, 0], [-0.16 * scale, seatY - 0.18, 0], thick)
  else if (random.chance(0.6)) part.bar(frame, [headX - 0.01, headY - 0.03, 0], [-0.08 * scale, 0.48 * scale, 0], thick)
  part.bar(frame, crank, [-0.18 * scale, seatY - 0.12, 0], thick)
  part.bar(chrome, [-0.18 * scale, seatY - 0.14, 0], [-0.2 * scale, seatY, 0], 0.014)
  for (const side of [-0.05, 0.05]) {
    part.bar(frame, crank, [rear, radius, side], 0.01)
    part.bar(frame, [-0.16 * scale, seatY - 0.2, 0], [rear, radius, side], 0.009)
  }
  part.ball(black, [0.13 * scale, 0.035, 0.08], [-0.2 * scale, seatY + 0.02, 0])
  part.add(new THREE.TorusGeometry(0.09 * scale, 0.01, 6, 18), chrome, [crank[0], crank[1], 0.06]).userData.own = true
  for (const side of [-1, 1]) {
    part.bar(
      chrome,
      [crank[0], crank[1], side * 0.07],
      [crank[0] + side * 0.1, crank[1] - side * 0.13, side * 0.09],
      0.01,
    )
    part.box(black, [0.09, 0.02, 0.09], [crank[0] + side * 0.1, crank[1] - side * 0.13, side * 0.14])
  }
  const barY = headY + random.range(0.08, 0.2) * scale
  const half = random.range(0.26, 0.34) * (kind === 'child' ? 0.85 : 1)
  const sweep = low ? random.range(0.08, 0.2) : 0.02
  part.bar(chrome, [headX - 0.05, headY, 0], [headX - 0.06, barY, 0], 0.014)
  for (const side of [-1, 1]) {
    part.bar(chrome, [headX - 0.04, barY, 0], [headX - 0.04, barY + 0.02, side * half * 0.6], 0.011)
    part.bar(
      black,
      [headX - 0.04, barY + 0.02, side * half * 0.6],
      [headX - 0.05 - sweep, barY + 0.02, side * half],
      0.017,
    )
  }
  if (kind === 'shared' || kind === 'city' || random.chance(0.2)) {
    for (const x of [front, rear])
      if (random.chance(0.7))
        part.arc(random.chance(0.5) ? frame : chrome, [x, radius, 0], radius + 0.02, 0.05, 0.7, 1.9)
    if (random.chance(0.6)) {
      const wire = new THREE.MeshLambertMaterial({
        map: meshTexture(random.chance(0.5) ? '#24262a' : '#c0c4c8'),
        transparent: true,
        alphaTest: 0.3,
        side: THREE.DoubleSide,
      })
      const bx = headX + 0.2 * scale
      for (const side of [-0.16, 0.16]) part.box(wire, [0.24, 0.22, 0.006], [bx, headY, side])
      for (const x of [-0.12, 0.12]) part.box(wire, [0.006, 0.22, 0.32], [bx + x, headY, 0])
      part.box(wire, [0.24, 0.006, 0.32], [bx, headY - 0.11, 0])
    }
    if (random.chance(0.5)) {
      for (const side of [-0.06, 0.06])
        part.bar(chrome, [-0.2 * scale, radius * 2 + 0.06, side], [rear - 0.2, radius * 2 + 0.06, side], 0.009)
      part.box(black, [0.3, 0.012, 0.13], [rear, radius * 2 + 0.06, 0])
      if (random.chance(0.3)) {
        const seat = matt(random.pick([0xc03a3a, 0x3a62b0, 0x303030]))
        part.rounded(seat, [0.26, 0.05, 0.26], [rear, radius * 2 + 0.1, 0])
        part.rounded(seat, [0.05, 0.28, 0.26], [rear - 0.14, radius * 2 + 0.24, 0])
      }
    }
  }
  if (kind === 'child' && random.chance(0.7)) {
    for (const side of [-0.16, 0.16]) part.wheel(rubber, chrome, [rear, 0.07, side], 0.07, 0.03, 0.5)
  }
  return {
    label: 'bicycle',
    group: part.group,
    length: front - rear + radius * 2,
    width: 0.6,
    grips: [
      [headX - 0.05 - sweep, barY + 0.02, -half],
      [headX - 0.05 - sweep, barY + 0.02, half],
    ],
    ...(kind === 'child' ? {} : { seat: [-0.2, seatY + 0.08, 0] as Point }),
    feet: [
      [0.08, 0.2, -0.14],
      [-0.12, 0.4, 0.14],
    ],
    pusher: [0, 0, -0.4],
  }
}
