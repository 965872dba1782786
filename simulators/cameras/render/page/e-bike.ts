import * as THREE from 'three'
import { addOns, cockpit, cover, type Dress, dress, fork, wheels } from './e-bike-parts.ts'
import { glow, matt, plastic, vehicleColor } from './paint.ts'
import { Part } from './part.ts'
import type { Random } from './random.ts'
import { createSportMoped } from './sport-moped.ts'
import { meshTexture } from './texture.ts'
import type { Vehicle } from './vehicle.ts'

export const eBikeKinds = { moped: 22, sport: 40, retro: 8, light: 14, folding: 5, cargo: 5, tricycle: 6 }
export type EBikeKind = keyof typeof eBikeKinds

/** Step-through scooters: leg shield, footboard, battery body, long seat. */
function moped(part: Part, random: Random, wear: Dress, retro: boolean): Vehicle {
  const radius = random.range(0.19, 0.25)
  const front = random.range(0.56, 0.68)
  const rear = -front + random.range(-0.02, 0.06)
  const head: [number, number] = [front - random.range(0.2, 0.28), random.range(0.86, 1.0)]
  const seatY = random.range(0.68, 0.8)
  const wide = random.range(0.2, 0.3)
  const floor = radius + random.range(0.02, 0.08)
  wheels(part, random, wear, front, rear, radius, random.range(0.08, 0.12))
  fork(part, wear, front, radius, head)
  part.arc(wear.body, [front, radius, 0], radius + 0.035, 0.15, 0.2, 2.2)
  part.ball(wear.body, [radius * 0.75, 0.06, 0.085], [front + 0.02, radius * 2 + 0.02, 0], [0, 0, -0.2])
  part.arc(wear.dark, [rear, radius, 0], radius + 0.03, 0.13, 0.9, 2.2)

  const shieldTop = head[1] - random.range(0.04, 0.12)
  const shieldWide = random.range(0.34, 0.48)
  part.profile(
    wear.body,
    [
      [head[0] + 0.1, shieldTop],
      [head[0] + 0.2, (shieldTop + floor) / 2 + 0.12],
      [head[0] + 0.1, floor + 0.1],
      [head[0] + 0.02, floor + 0.02],
      [head[0] - 0.02, (shieldTop + floor) / 2],
      [head[0] + 0.01, shieldTop - 0.02],
    ],
    shieldWide * 0.62,
    0.06,
  )
  part.rounded(
    wear.body,
    [0.06, (shieldTop - floor) * 0.75, shieldWide],
    [head[0] + 0.03, (shieldTop + floor) / 2 + 0.05, 0],
    [0, 0, 0.22],
  )
  part.rounded(
    wear.dark,
    [0.05, (shieldTop - floor) * 0.6, shieldWide * 0.8],
    [head[0] - 0.02, (shieldTop + floor) / 2 + 0.03, 0],
    [0, 0, 0.22],
  )
  if (random.chance(0.7)) {
    const lamp = glow(random.pick([0xc8ccc8, 0x707478, 0xf6f2e4, 0xb8bcc0]))
    if (random.chance(0.5))
      part.ball(lamp, [0.03, 0.07, 0.1], [head[0] + 0.19, (shieldTop + floor) / 2 + 0.16, 0], [0, 0, 0.3])
    else
      for (const side of [-1, 1])
        part.ball(
          lamp,
          [0.03, 0.08, 0.03],
          [head[0] + 0.17, (shieldTop + floor) / 2 + 0.14, side * 0.1],
          [0.5 * side, 0, 0.3],
        )
  }
  if (random.chance(0.6)) {
    part.profile(
      plastic(random.pick([0xd8d8d8, 0xe0e0da, 0x909498, 0xc02020]), 0.6),
      [
        [head[0] + 0.15, shieldTop - 0.06],
        [head[0] + 0.24, shieldTop - 0.22],
        [head[0] + 0.16, shieldTop - 0.34],
        [head[0] + 0.08, shieldTop - 0.2],
      ],
      0.12,
      0.03,
    )
  }
  part.rounded(wear.dark, [head[0] + 0.5, 0.06, wide + 0.06], [(head[0] - 0.25) / 2, floor, 0])
  part.profile(
    retro ? wear.body : wear.second,
    [
      [-0.02, floor - 0.02],
      [0.02, seatY - 0.12],
      [-0.2, seatY - 0.06],
      [rear - 0.2, seatY - 0.05],
      [rear - 0.32, seatY - 0.14],
      [rear - 0.15, seatY - (retro ? 0.3 : 0.2)],
      [rear + 0.2, floor + 0.08],
    ],
    wide,
    retro ? 0.09 : 0.05,
  )
  if (retro)
    for (const side of [-1, 1])
      part.ball(wear.body, [0.3, 0.17, 0.08], [rear + 0.12, seatY - 0.24, side * wide * 0.5], [0, 0, 0.15])
  const seatLength = random.range(0.55, 0.75)
  part.rounded(wear.seat, [seatLength, 0.12, wide + 0.02], [-0.02 - seatLength / 2, seatY, 0], [0, 0, -0.04])
  if (random.chance(0.5))
    part.rounded(wear.seat, [seatLength * 0.45, 0.1, wide], [-0.06 - seatLength * 0.78, seatY + 0.05, 0], [0, 0, -0.06])
  part.ball(glow(random.chance(0.3) ? 0xff3020 : 0x8a1512), [0.03, 0.035, 0.09], [rear - 0.3, seatY - 0.12, 0])
  if (random.chance(0.7))
    part.pipe(
      wear.chrome,
      [
        [rear + 0.15, seatY, -0.13],
        [rear - 0.28, seatY + 0.06, -0.1],
        [rear - 0.28, seatY + 0.06, 0.1],
        [rear + 0.15, seatY, 0.13],
      ],
      0.014,
    )
  const grips = cockpit(part, random, wear, head[0] - 0.05, head[1] + 0.06, true)
  addOns(part, random, wear, rear, seatY, head)
  if (random.chance(0.05)) cover(part, random, front, rear, head, seatY)
  return {
    label: 'e-bike',
    group: part.group,
    length: front - rear + radius * 2 + 0.1,
    width: 0.66,
    grips,
    seat: [-0.22, seatY + 0.1, 0],
    feet: [
      [0.12, floor + 0.05, -0.12],
      [0.12, floor + 0.05, 0.12],
    ],
    pusher: [0.05, 0, -0.45],
  }
}

/** Light e-bikes with a bicycle's frame, fat small wheels, battery box and pedals; folding ones are smaller. */
function light(part: Part, random: Random, wear: Dress, folding: boolean): Vehicle {
  const radius = folding ? random.range(0.17, 0.21) : random.range(0.2, 0.25)
  const front = folding ? random.range(0.44, 0.52) : random.range(0.5, 0.58)
  const rear = -front
  const head: [number, number] = [front - 0.2, random.range(0.85, 0.98)]
  const seatY = random.range(0.68, 0.82)
  wheels(part, random, wear, front, rear, radius, random.range(0.055, 0.08))
  fork(part, wear, front, radius, head)
  part.bar(wear.body, [head[0] + 0.02, head[1] - 0.18, 0], [0.05, radius + 0.12, 0], folding ? 0.035 : 0.05)
  part.bar(wear.body, [0.05, radius + 0.12, 0], [-0.2, seatY - 0.06, 0], 0.03)
  for (const side of [-0.06, 0.06]) {
    part.bar(wear.body, [-0.02, radius + 0.1, side], [rear, radius, side], 0.016)
    part.bar(wear.body, [-0.18, seatY - 0.2, side], [rear, radius, side], 0.014)
    part.bar(wear.chrome, [rear + 0.25, seatY - 0.14, side * 1.6], [rear - 0.18, seatY - 0.14, side * 1.6], 0.011)
  }
  part.rounded(random.chance(0.6) ? wear.dark : wear.second, [0.16, 0.3, 0.15], [-0.12, radius + 0.27, 0], [0, 0, 0.3])
  part.rounded(wear.dark, [0.4, 0.035, 0.2], [0.12, radius + 0.06, 0])
  part.rounded(wear.seat, [0.3, 0.1, 0.24], [-0.2, seatY, 0])
  if (random.chance(0.7)) part.rounded(wear.seat, [0.32, 0.08, 0.2], [rear + 0.1, seatY - 0.09, 0])
  part.arc(wear.body, [front, radius, 0], radius + 0.03, 0.09, 0.6, 2)
  part.arc(wear.body, [rear, radius, 0], radius + 0.03, 0.09, 0.6, 2.2)
  for (const side of [-1, 1])
    part.bar(wear.dark, [0.02, radius + 0.02, side * 0.06], [0.02 + side * 0.12, radius, side * 0.18], 0.012)
  if (random.chance(0.5)) part.rounded(wear.body, [0.04, 0.4, 0.3], [head[0] + 0.05, radius + 0.4, 0], [0, 0, 0.2])
  const grips = cockpit(part, random, wear, head[0] - 0.05, head[1] + 0.06, random.chance(0.4))
  addOns(part, random, wear, rear, seatY - 0.12, head)
  return {
    label: 'e-bike',
    group: part.group,
    length: front - rear + radius * 2,
    width: 0.62,
    grips,
    seat: [-0.2, seatY + 0.08, 0],
    feet: [
      [0.1, radius + 0.09, -0.13],
      [0.1, radius + 0.09, 0.13],
    ],
    pusher: [0, 0, -0.42],
  }
}

/** Electric three-wheelers: a moped's front, two rear wheels, bench or basket behind. */
function tricycle(part: Part, random: Random, wear: Dress): Vehicle {
  const radius = random.range(0.17, 0.21)
  const front = 0.6
  const rear = -0.55
  const head: [number, number] = [0.38, 0.88]
  const seatY = random.range(0.56, 0.64)
  part.wheel(wear.rubber, wear.chrome, [front, radius, 0], radius, 0.08, 0.5)
  for (const side of [-0.3, 0.3]) part.wheel(wear.rubber, wear.chrome, [rear, radius, side], radius, 0.08, 0.5)
  fork(part, wear, front, radius, head)
  part.arc(wear.body, [front, radius, 0], radius + 0.03, 0.13, 0.2, 2.2)
  part.rounded(wear.body, [0.06, 0.5, 0.4], [0.42, 0.58, 0], [0, 0, 0.2])
  part.rounded(wear.dark, [0.5, 0.05, 0.36], [0.12, radius + 0.04, 0])
  part.rounded(wear.body, [0.75, 0.3, 0.5], [-0.45, radius + 0.18, 0])
  part.rounded(wear.seat, [0.32, 0.1, 0.36], [-0.22, seatY, 0])
  part.rounded(wear.seat, [0.08, 0.3, 0.36], [-0.4, seatY + 0.17, 0], [0, 0, 0.1])
  if (random.chance(0.5)) {
    part.rounded(wear.seat, [0.3, 0.1, 0.5], [-0.65, seatY, 0])
    part.rounded(wear.seat, [0.07, 0.32, 0.5], [-0.82, seatY + 0.18, 0])
  } else {
    const wire = new THREE.MeshLambertMaterial({
      map: meshTexture('#303436'),
      transparent: true,
      alphaTest: 0.3,
      side: THREE.DoubleSide,
    })
    for (const side of [-0.28, 0.28]) part.box(wire, [0.45, 0.3, 0.01], [-0.65, seatY + 0.05, side])
    for (const x of [-0.43, -0.87]) part.box(wire, [0.01, 0.3, 0.56], [x, seatY + 0.05, 0])
  }
  for (const side of [-0.3, 0.3]) part.arc(wear.body, [rear, radius, side], radius + 0.03, 0.12, 0.2, 2.6)
  const grips = cockpit(part, random, wear, 0.32, 0.94, true)
  return {
    label: 'e-bike',
    group: part.group,
    length: 1.7,
    width: 0.72,
    grips,
    seat: [-0.22, seatY + 0.1, 0],
    feet: [
      [0.15, radius + 0.08, -0.12],
      [0.15, radius + 0.08, 0.12],
    ],
    pusher: [0.05, 0, -0.55],
  }
}

export function createEBike(random: Random, kind: EBikeKind = random.weighted(eBikeKinds)): Vehicle {
  const part = new Part()
  const wear = dress(random)
  if (kind === 'sport') return createSportMoped(part, random, wear)
  if (kind === 'tricycle') return tricycle(part, random, wear)
  if (kind === 'light' || kind === 'folding') return light(part, random, wear, kind === 'folding')
  const vehicle = moped(part, random, wear, kind === 'retro')
  if (kind === 'cargo') {
    const wide = random.range(0.35, 0.5)
    part.rounded(
      random.chance(0.5) ? wear.dark : matt(vehicleColor(random)),
      [0.5, random.range(0.25, 0.5), wide],
      [-0.55, 1.05, 0],
    )
    for (const side of [-1, 1]) part.rounded(wear.dark, [0.45, 0.35, 0.16], [-0.55, 0.6, side * 0.24])
  }
  return vehicle
}
