import * as THREE from 'three'
import { glow, matt, metal, plastic, tyreBlack, vehicleColor } from './paint.ts'
import type { Part, Point } from './part.ts'
import type { Random } from './random.ts'
import { clothTexture, meshTexture } from './texture.ts'

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
export function cockpit(
  part: Part,
  random: Random,
  wear: Dress,
  x: number,
  y: number,
  shrouded: boolean,
): [Point, Point] {
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

export function fork(part: Part, wear: Dress, axle: number, radius: number, head: readonly [number, number]) {
  for (const side of [-0.075, 0.075])
    part.bar(wear.chrome, [axle, radius, side], [head[0], head[1] - 0.1, side * 0.6], 0.019)
  part.bar(wear.dark, [head[0] + 0.02, head[1] - 0.14, 0], [head[0] - 0.05, head[1] + 0.06, 0], 0.03)
}

export function wheels(
  part: Part,
  random: Random,
  wear: Dress,
  front: number,
  rear: number,
  radius: number,
  width: number,
) {
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

export function cover(
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
