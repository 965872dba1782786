import * as THREE from 'three'
import { addOns, cover, type Dress, fork, wheels } from './e-bike-parts.ts'
import { glow, matt, plastic, vehicleColor } from './paint.ts'
import type { Part, Point } from './part.ts'
import type { Random } from './random.ts'
import type { Vehicle } from './vehicle.ts'

/** Both sides of a cross-section from its right half: the last point lies on the middle line. */
function mirrored(half: readonly Point[]): Point[] {
  const left = half.slice(0, -1).map(([x, y, z]): Point => [x, y, -z])
  return [...half, ...left.reverse()]
}

/** Black lacquer with bright panels outsells every other dress of this kind. */
function colours(random: Random, wear: Dress): Dress & { panel: THREE.Material; trim: THREE.Material } {
  const isBlack = random.chance(0.55)
  const black = plastic(new THREE.Color().setHSL(0.62, 0.1, random.range(0.02, 0.08)), random.range(0.3, 1))
  const bright = random.pick([0xd8dadc, 0xb8bcc4, 0xf0f0ee, 0x9aa4a0, 0xc8281e, 0x2456a8, 0xe0b41c, 0x7d8488])
  return {
    ...wear,
    body: isBlack ? black : wear.body,
    second: isBlack ? wear.dark : wear.second,
    panel: plastic(isBlack || random.chance(0.5) ? bright : vehicleColor(random), random.range(0.2, 1)),
    trim: random.chance(0.5) ? glow(random.pick([0xe4e6e6, 0xc8ccce, 0xfff6dc])) : wear.chrome,
  }
}

/**
 * The angular electric mopeds sold most in China: a pointed fairing with a V of another colour, slit lamps along it, a
 * beak over the front wheel with a bright edge, a lamp in the cowl of the handlebar, a stepped seat and a raised tail.
 */
export function createSportMoped(part: Part, random: Random, plain: Dress): Vehicle {
  const wear = colours(random, plain)
  const radius = random.range(0.2, 0.25)
  const front = random.range(0.58, 0.68)
  const rear = -front + random.range(-0.02, 0.08)
  const head: [number, number] = [front - random.range(0.2, 0.27), random.range(0.88, 1.02)]
  const floor = radius + random.range(0.03, 0.09)
  const seatY = random.range(0.7, 0.8)
  wheels(part, random, wear, front, rear, radius, random.range(0.09, 0.13))
  fork(part, wear, front, radius, head)
  beak(part, random, wear, front, radius)
  fairing(part, random, wear, head, floor)
  body(part, random, wear, head, rear, floor, seatY)
  const grips = cowl(part, random, wear, head[0] - 0.05, head[1] + 0.05)
  addOns(part, random, wear, rear, seatY, head)
  if (random.chance(0.04)) cover(part, random, front, rear, head, seatY)
  return {
    label: 'e-bike',
    group: part.group,
    length: front - rear + radius * 2 + 0.12,
    width: 0.68,
    grips,
    seat: [-0.2, seatY + 0.1, 0],
    feet: [
      [0.14, floor + 0.05, -0.13],
      [0.14, floor + 0.05, 0.13],
    ],
    pusher: [0.05, 0, -0.45],
  }
}

type Wear = ReturnType<typeof colours>

/** Mudguard over the front wheel, pointed in front. */
function beak(part: Part, random: Random, wear: Wear, axle: number, radius: number) {
  const half = random.range(0.07, 0.1)
  const at = (angle: number, out: number, z: number): Point => [
    axle + Math.cos(angle) * (radius + out),
    radius + Math.sin(angle) * (radius + out),
    z,
  ]
  const tip = random.range(0.15, 0.5)
  const angles = [tip, 0.7, 1.1, 1.5, 1.9, 2.3]
  const section = (angle: number, index: number) => {
    const wide = index === 0 ? half * 0.35 : half
    return mirrored([at(angle, 0.005, wide), at(angle, 0.04, wide * 0.7), at(angle, 0.055, 0)])
  }
  part.shell(random.chance(0.6) ? wear.body : wear.panel, angles.map(section))
  if (random.chance(0.65))
    for (const side of [-1, 1])
      part.pipe(
        wear.trim,
        angles
          .slice(0, random.int(3, 6))
          .map((angle, index) => at(angle, 0.03, side * half * (index === 0 ? 0.3 : 0.9))),
        random.range(0.008, 0.016),
      )
}

/** Leg shield: its ridge runs down the middle, its widest place is at the knees. */
function fairing(part: Part, random: Random, wear: Wear, head: readonly [number, number], floor: number) {
  const wide = random.range(0.17, 0.24)
  const nose = random.range(0.08, 0.2)
  const top = head[1] - random.range(0, 0.07)
  const height = top - floor
  const section = (share: number, halfWidth: number, reach: number) => {
    const [x, y] = [head[0] + 0.02 + share * 0.04, top - share * height]
    return { half: halfWidth, reach, x, y }
  }
  const rows = [
    section(0, wide * 0.55, nose * 0.35),
    section(random.range(0.22, 0.34), wide, nose),
    section(random.range(0.5, 0.65), wide * random.range(0.7, 0.95), nose * 0.8),
    section(0.95, wide * random.range(0.45, 0.7), nose * 0.1),
  ]
  const shape = rows.map(({ half, reach, x, y }) =>
    mirrored([
      [x - 0.1, y, half],
      [x + reach * 0.35, y, half * 0.8],
      [x + reach, y, 0],
    ]),
  )
  part.shell(wear.body, shape)
  part.rounded(wear.dark, [0.05, height * 0.75, wide * 1.5], [head[0] - 0.05, floor + height * 0.5, 0], [0, 0, 0.15])

  // The V lies on the facets, a finger's breadth in front of them.
  const out = 0.012
  const [upper, knee, lower] = [rows[0]!, rows[1]!, rows[2]!]
  const spread = random.range(0.45, 0.95)
  const begin = random.range(0.1, 0.6)
  const lift = (share: number) => upper.y + (knee.y - upper.y) * share
  const forth = (share: number) => upper.x + upper.reach + (knee.x + knee.reach - upper.x - upper.reach) * share
  for (const side of [-1, 1]) {
    const outer: Point = [
      knee.x + knee.reach * (1 - 0.65 * spread) + out,
      knee.y + random.range(0, 0.05),
      side * knee.half * 0.8 * spread,
    ]
    const middle: Point = [forth(begin) + out, lift(begin), 0]
    const ridge: Point = [knee.x + knee.reach + out, knee.y, 0]
    const point: Point = [lower.x + lower.reach + out, lower.y, side * 0.015]
    part.shell(wear.panel, [
      [middle, outer],
      [ridge, outer],
      [point, outer],
    ])
    if (random.chance(0.7)) {
      const inner: Point = [forth(0.5) + 0.02, lift(0.6) - 0.02, side * knee.half * 0.2]
      part.bar(wear.trim, outer, inner, random.range(0.01, 0.02))
    }
  }
  if (random.chance(0.35))
    part.box(matt(0xf2f2ee), [0.01, 0.09, 0.16], [lower.x + lower.reach + 0.02, lower.y + 0.05, 0])
}

/** Step-through floor, side panels up to a pointed tail, seat in two steps, grab rail. */
function body(
  part: Part,
  random: Random,
  wear: Wear,
  head: readonly [number, number],
  rear: number,
  floor: number,
  seatY: number,
) {
  const wide = random.range(0.13, 0.17)
  part.rounded(wear.dark, [head[0] + 0.45, 0.07, 2 * wide + 0.05], [(head[0] - 0.25) / 2, floor, 0])
  const tail = seatY + random.range(0, 0.1)
  const rows: [x: number, low: number, high: number, half: number][] = [
    [0.02, floor, seatY - 0.14, wide * 0.7],
    [-0.2, floor + 0.04, seatY - 0.06, wide],
    [rear + 0.1, floor + 0.2, seatY - 0.04, wide * 1.05],
    [rear - 0.34, tail - 0.12, tail, wide * 0.4],
  ]
  part.shell(
    random.chance(0.6) ? wear.body : wear.second,
    rows.map(([x, low, high, half]) =>
      mirrored([
        [x, low, half * 0.8],
        [x, (low + high) / 2, half * 1.15],
        [x, high, half * 0.9],
        [x, high + 0.01, 0],
      ]),
    ),
  )
  if (random.chance(0.6))
    for (const side of [-1, 1])
      part.shell(wear.panel, [
        [
          [-0.1, seatY - 0.14, side * wide * 1.16],
          [-0.12, seatY - 0.22, side * wide * 1.2],
        ],
        [
          [rear - 0.15, tail - 0.05, side * wide * 0.95],
          [rear - 0.12, tail - 0.1, side * wide * 0.98],
        ],
      ])
  const saddle = random.range(0.32, 0.4)
  part.rounded(wear.seat, [saddle, 0.11, wide * 1.9], [-0.04 - saddle / 2, seatY, 0], [0, 0, -0.05])
  part.rounded(wear.seat, [saddle * 0.9, 0.1, wide * 1.7], [-0.04 - saddle * 1.4, seatY + random.range(0.03, 0.08), 0])
  part.ball(glow(random.chance(0.3) ? 0xff3020 : 0x8a1512), [0.03, 0.02, wide * 0.6], [rear - 0.33, tail - 0.06, 0])
  part.arc(wear.dark, [rear, floor - 0.03, 0], 0.28, 0.13, 1.1, 2)
  if (random.chance(0.6))
    for (const side of [-1, 1])
      part.bar(
        wear.chrome,
        [rear + 0.2, seatY + 0.02, side * wide],
        [rear - 0.3, tail + 0.06, side * wide * 0.6],
        0.013,
      )
}

/** Handlebar with its lamp in a pointed cowl, levers, mirrors, sometimes a low screen; returns where the hands go. */
function cowl(part: Part, random: Random, wear: Wear, x: number, y: number): [Point, Point] {
  const half = random.range(0.3, 0.38)
  const sweep = random.range(0.04, 0.12)
  const rise = random.range(0, 0.05)
  const wide = random.range(0.1, 0.16)
  part.shell(wear.body, [
    mirrored([
      [x - 0.06, y + 0.09, wide * 0.6],
      [x - 0.03, y + 0.1, 0],
    ]),
    mirrored([
      [x, y + 0.05, wide * 1.2],
      [x + random.range(0.1, 0.16), y + 0.04, 0],
    ]),
    mirrored([
      [x + 0.02, y - 0.05, wide],
      [x + 0.12, y - 0.06, 0],
    ]),
    mirrored([
      [x, y - 0.12, wide * 0.5],
      [x + 0.06, y - 0.12, 0],
    ]),
  ])
  const lamp = glow(random.pick([0xfff8e0, 0xf4f8ff, 0xa4a8aa, 0x8a9094, 0xd8dcdc]))
  if (random.chance(0.5)) part.ball(lamp, [0.03, 0.04, 0.075], [x + 0.12, y - 0.01, 0])
  else
    for (const side of [-1, 1])
      part.ball(lamp, [0.025, 0.022, 0.05], [x + 0.09, y - 0.005, side * wide * 0.5], [0, -side * 0.4, side * 0.3])
  part.ball(wear.dark, [0.05, 0.04, 0.09], [x - 0.06, y + 0.07, 0])
  const grips = ([-1, 1] as const).map((side): Point => {
    const grip: Point = [x - sweep, y + rise, side * half]
    const inner: Point = [x - sweep / 2, y + rise, side * half * 0.55]
    part.bar(wear.body, [x, y, side * wide * 0.8], inner, 0.024)
    part.bar(wear.dark, inner, grip, 0.022)
    part.bar(wear.chrome, [x + 0.04, y + rise, side * half * 0.5], [x - sweep + 0.06, y + rise, side * half], 0.008)
    if (random.chance(0.75)) {
      const tip: Point = [x - 0.03, y + random.range(0.12, 0.22), side * (half + random.range(-0.03, 0.1))]
      part.bar(wear.dark, inner, tip, 0.008)
      part.ball(random.chance(0.7) ? wear.dark : wear.chrome, [0.02, 0.04, 0.065], tip, [0, side * 0.25, 0])
    }
    return grip
  })
  if (random.chance(0.3))
    part.shell(plastic(random.pick([0x20262a, 0x8fa6ae]), 0.9), [
      mirrored([
        [x + 0.02, y + 0.08, wide],
        [x + 0.07, y + 0.08, 0],
      ]),
      mirrored([
        [x - 0.1, y + random.range(0.2, 0.32), wide * 0.7],
        [x - 0.06, y + 0.3, 0],
      ]),
    ])
  return [grips[0]!, grips[1]!]
}
