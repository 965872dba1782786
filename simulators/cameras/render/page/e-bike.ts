import * as THREE from 'three'
import { glow, matt, metal, plastic, tyreBlack, vehicleColor } from './paint.ts'
import { Part, type Point } from './part.ts'
import type { Random } from './random.ts'
import { clothTexture, meshTexture } from './texture.ts'
import type { Vehicle } from './vehicle.ts'

export const eBikeKinds = { moped: 46, retro: 16, light: 18, folding: 6, cargo: 7, tricycle: 7 }
export type EBikeKind = keyof typeof eBikeKinds

export type Dress = {
  body: THREE.Material
  second: THREE.Material
  dark: THREE.Material
  chrome: THREE.Material
  rubber: THREE.Material
  seat: THREE.Material
}

export function dress(random: Random): Dress {
  const color = vehicleColor(random)
  const gloss = random.range(0.2, 1)
  return {
    body: plastic(color, gloss),
    second: random.chance(0.5)
      ? plastic(vehicleColor(random), gloss)
      : plastic(color.clone().multiplyScalar(0.6), gloss),
    dark: plastic(new THREE.Color().setHSL(0.6, 0.05, random.range(0.03, 0.14)), random.range(0, 0.5)),
    chrome: metal(new THREE.Color().setHSL(0.6, 0.03, random.range(0.4, 0.8)), random.range(0.3, 1)),
    rubber: tyreBlack(random),
    seat: matt(
      random.chance(0.7)
        ? new THREE.Color().setHSL(0.05, random.range(0, 0.2), random.range(0.04, 0.18))
        : new THREE.Color().setHSL(random.pick([0.06, 0.02, 0.6]), 0.45, random.range(0.2, 0.5)),
    ),
  }
}

/** Handlebar with grips, levers, instrument, headlight and perhaps mirrors; returns where the hands go. */
function cockpit(part: Part, random: Random, wear: Dress, x: number, y: number, shrouded: boolean): [Point, Point] {
  const half = random.range(0.28, 0.36)
  const sweep = random.range(0.05, 0.14)
  const rise = random.range(0, 0.06)
  for (const side of [-1, 1]) {
    part.bar(wear.dark, [x, y, 0], [x - sweep / 2, y + rise, side * half * 0.6], 0.016)
    part.bar(wear.dark, [x - sweep / 2, y + rise, side * half * 0.6], [x - sweep, y + rise, side * half], 0.024)
    part.bar(wear.chrome, [x + 0.04, y + rise, side * half * 0.55], [x - sweep + 0.06, y + rise, side * half], 0.007)
  }
  if (shrouded) {
    part.ball(wear.body, [0.11, 0.09, 0.17], [x + 0.03, y, 0])
    part.ball(wear.dark, [0.07, 0.05, 0.11], [x - 0.03, y + 0.055, 0], [0, 0, 0.5])
    part.ball(glow(random.chance(0.3) ? 0xfff8e0 : 0x9a9c98), [0.04, 0.055, 0.08], [x + 0.115, y + 0.005, 0])
  } else {
    part.ball(wear.chrome, [0.07, 0.07, 0.07], [x + 0.09, y - 0.06, 0])
    part.box(wear.dark, [0.07, 0.03, 0.12], [x, y + 0.03, 0])
  }
  if (random.chance(0.6)) {
    const high = random.range(0.14, 0.24)
    const round = random.chance(0.5)
    for (const side of [-1, 1]) {
      const tip: Point = [x - 0.02, y + high, side * (half + random.range(-0.04, 0.1))]
      part.bar(wear.dark, [x - sweep / 2, y + rise, side * half * 0.6], tip, 0.007)
      part.ball(wear.dark, [0.018, round ? 0.055 : 0.04, 0.07], tip, [0, side * 0.2, 0])
    }
  }
  return [
    [x - sweep, y + rise, -half],
    [x - sweep, y + rise, half],
  ]
}

function fork(part: Part, wear: Dress, axle: number, radius: number, head: readonly [number, number]) {
  for (const side of [-0.075, 0.075])
    part.bar(wear.chrome, [axle, radius, side], [head[0], head[1] - 0.1, side * 0.6], 0.019)
  part.bar(wear.dark, [head[0] + 0.02, head[1] - 0.14, 0], [head[0] - 0.05, head[1] + 0.06, 0], 0.03)
}

function wheels(part: Part, random: Random, wear: Dress, front: number, rear: number, radius: number, width: number) {
  const hub = random.chance(0.5) ? wear.dark : wear.chrome
  part.wheel(wear.rubber, hub, [front, radius, 0], radius, width, 0.28)
  part.spokes(hub, [front, radius, 0], radius * 0.8, random.int(3, 5), 0.016)
  part.wheel(wear.rubber, hub, [rear, radius, 0], radius, width, 0.62)
}

/** Things people bolt on: boxes, baskets, child seats, quilts against the wind, a plate, a cover. */
export function addOns(
  part: Part,
  random: Random,
  wear: Dress,
  rear: number,
  seatY: number,
  head: readonly [number, number],
) {
  const back = random.weighted({ none: 32, box: 27, delivery: 10, rack: 17, child: 14 })
  const at = rear - 0.1
  if (back !== 'none') {
    for (const side of [-0.1, 0.1])
      part.bar(wear.chrome, [rear + 0.2, seatY - 0.02, side], [rear - 0.25, seatY + 0.02, side], 0.012)
    part.bar(wear.chrome, [rear - 0.25, seatY + 0.02, -0.1], [rear - 0.25, seatY + 0.02, 0.1], 0.012)
  }
  if (back === 'box') {
    const size = random.range(0.26, 0.38)
    part.rounded(
      random.chance(0.7) ? wear.dark : wear.body,
      [size, size * 0.8, size * 1.15],
      [at, seatY + 0.02 + size * 0.4, 0],
    )
    part.ball(glow(0x8a1512), [0.012, 0.03, size * 0.35], [at - size / 2, seatY + size * 0.35, 0])
  }
  if (back === 'delivery') {
    const size = random.range(0.4, 0.5)
    const color = random.pick([0xf3c317, 0x1f6fd0, 0x22262c, 0xd8401c, 0x2e9b57])
    part.rounded(plastic(color, 0.2), [size, size, size], [at, seatY + 0.03 + size / 2, 0])
    part.box(matt(0xeeeeee), [size * 1.005, size * 0.2, size * 0.6], [at, seatY + size * 0.6, 0])
  }
  if (back === 'child') {
    const color = matt(random.pick([0xc03a3a, 0x3a62b0, 0x303030, 0xd77fa0, 0x6a5a40]))
    part.rounded(color, [0.3, 0.06, 0.28], [at + 0.05, seatY + 0.05, 0])
    part.rounded(color, [0.06, 0.34, 0.28], [at - 0.12, seatY + 0.2, 0])
    for (const side of [-0.15, 0.15]) part.rounded(color, [0.28, 0.05, 0.04], [at + 0.04, seatY + 0.2, side])
  }
  if (random.chance(0.5)) {
    part.box(
      plastic(random.pick([0xf4f4f0, 0x2a8f4a, 0xe8c020, 0x2456a8]), 0.4),
      [0.012, 0.13, 0.2],
      [rear - 0.3, seatY - 0.22, 0],
      [0, 0, -0.25],
    )
  }
  if (random.chance(0.3)) {
    const wire = new THREE.MeshLambertMaterial({
      map: meshTexture(random.chance(0.5) ? '#202020' : '#b8bcc0'),
      transparent: true,
      alphaTest: 0.3,
      side: THREE.DoubleSide,
    })
    const solid = random.chance(0.35)
    const material = solid ? wear.dark : wire
    const [w, h, d] = [random.range(0.24, 0.3), random.range(0.2, 0.26), random.range(0.3, 0.38)]
    const bx = head[0] + 0.14 + w / 2
    const by = head[1] - 0.08
    part.box(material, [w, h, 0.008], [bx, by, -d / 2])
    part.box(material, [w, h, 0.008], [bx, by, d / 2])
    part.box(material, [0.008, h, d], [bx - w / 2, by, 0])
    part.box(material, [0.008, h, d], [bx + w / 2, by, 0])
    part.box(material, [w, 0.008, d], [bx, by - h / 2, 0])
    if (random.chance(0.5)) part.ball(matt(vehicleColor(random)), [w * 0.42, h * 0.5, d * 0.4], [bx, by, 0])
  }
  if (random.chance(0.16)) {
    const color = vehicleColor(random)
    const quilt = matt(0xffffff, clothTexture(random, color))
    const top = head[1] - 0.02
    const wide = random.range(0.6, 0.76)
    part.rounded(quilt, [0.06, 0.55, wide * 0.7], [head[0] + 0.06, top - 0.27, 0], [0, 0, 0.12])
    part.rounded(quilt, [0.24, 0.12, wide], [head[0] - 0.05, top + 0.02, 0], [0, 0, 0.3])
    for (const side of [-1, 1]) part.ball(quilt, [0.13, 0.1, 0.1], [head[0] - 0.1, top + 0.02, side * wide * 0.48])
  }
  if (random.chance(0.12)) {
    part.rounded(plastic(0x9db4bc, 0.8), [0.01, 0.35, 0.4], [head[0] + 0.12, head[1] + 0.2, 0], [0, 0, 0.3])
  }
}

function cover(
  part: Part,
  random: Random,
  front: number,
  rear: number,
  head: readonly [number, number],
  seatY: number,
) {
  const color = random.chance(0.5) ? new THREE.Color().setHSL(0.6, 0.05, random.range(0.4, 0.75)) : vehicleColor(random)
  const sheet = matt(0xffffff, clothTexture(random, color))
  const wide = random.range(0.45, 0.6)
  part.profile(
    sheet,
    [
      [front + 0.1, 0.16],
      [front + 0.02, 0.55],
      [head[0], head[1] + 0.1],
      [head[0] - 0.25, seatY + 0.12],
      [rear - 0.15, seatY + 0.1],
      [rear - 0.28, 0.25],
      [0, 0.2],
    ],
    wide,
    0.07,
  )
  part.rounded(sheet, [0.2, 0.2, wide + 0.2], [head[0] - 0.06, head[1] + 0.03, 0])
}

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
