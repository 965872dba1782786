import * as THREE from 'three'
import { clothColor, matt, metal, plastic, tyreBlack, vehicleColor } from './paint.ts'
import { Part, type Point } from './part.ts'
import type { Random } from './random.ts'
import { clothTexture, meshTexture } from './texture.ts'
import type { Vehicle } from './vehicle.ts'

export function createStroller(random: Random): Vehicle {
  const part = new Part()
  const cloth = matt(0xffffff, clothTexture(random, vehicleColor(random)))
  const frame = metal(random.pick([0x202226, 0xb8bcc0, 0x8a8e92, 0xe0ddd8]), 0.5)
  const rubber = tyreBlack(random)
  const radius = random.range(0.07, 0.14)
  const half = random.range(0.2, 0.28)
  const lengthHalf = random.range(0.3, 0.4)
  const seatY = random.range(0.42, 0.6)
  for (const side of [-half, half]) {
    part.wheel(rubber, frame, [lengthHalf, radius * 0.8, side * 0.85], radius * 0.8, 0.04, 0.6)
    part.wheel(rubber, frame, [-lengthHalf, radius, side], radius, 0.045, 0.6)
    part.bar(frame, [lengthHalf, radius * 0.8, side * 0.85], [-0.25, seatY + 0.2, side], 0.014)
    part.bar(frame, [-lengthHalf, radius, side], [0.12, seatY + 0.1, side], 0.014)
    part.bar(frame, [-0.25, seatY + 0.2, side], [-lengthHalf - 0.15, 1.0, side], 0.015)
  }
  part.bar(matt(0x1c1c1e), [-lengthHalf - 0.15, 1.0, -half], [-lengthHalf - 0.15, 1.0, half], 0.02)
  const lying = random.chance(0.35)
  if (lying) {
    part.rounded(cloth, [0.75, 0.26, half * 1.8], [0, seatY + 0.14, 0])
    if (random.chance(0.7)) part.ball(matt(clothColor(random)), [0.28, 0.08, half * 0.7], [0.05, seatY + 0.27, 0])
  } else {
    part.rounded(cloth, [0.36, 0.08, half * 1.8], [0.05, seatY, 0])
    part.rounded(cloth, [0.08, 0.5, half * 1.8], [-0.17, seatY + 0.22, 0], [0, 0, 0.35])
    part.rounded(cloth, [0.06, 0.25, half * 1.6], [0.25, seatY - 0.1, 0], [0, 0, 0.3])
    part.bar(matt(0x222226), [0.22, seatY + 0.2, -half], [0.22, seatY + 0.2, half], 0.02)
  }
  if (random.chance(0.85)) {
    const reach = random.range(0.26, 0.36)
    part.dome(cloth, [reach, reach * 0.8, half * 1.02], [-0.12, seatY + 0.32, 0], [0, 0, random.range(-0.2, 0.7)])
  }
  if (random.chance(0.5)) {
    const skin = matt(new THREE.Color().setHSL(0.07, 0.4, random.range(0.55, 0.75)))
    part.ball(skin, [0.085, 0.095, 0.08], [lying ? -0.2 : -0.06, seatY + 0.34, 0])
    part.limb(matt(clothColor(random)), [-0.05, seatY + 0.08, 0], [-0.08, seatY + 0.24, 0], 0.085)
    for (const side of [-0.06, 0.06])
      part.limb(matt(clothColor(random)), [0.02, seatY + 0.08, side], [0.25, seatY + 0.02, side], 0.04)
  }
  if (random.chance(0.6)) part.rounded(matt(0x2a2a2e), [0.4, 0.14, half * 1.6], [-0.02, radius + 0.14, 0])
  if (random.chance(0.3)) part.ball(matt(clothColor(random)), [0.12, 0.18, 0.2], [-lengthHalf - 0.18, 0.82, 0])
  return {
    label: 'stroller',
    group: part.group,
    length: lengthHalf * 2 + 0.3,
    width: half * 2 + 0.06,
    grips: [
      [-lengthHalf - 0.15, 1.0, -half * 0.8],
      [-lengthHalf - 0.15, 1.0, half * 0.8],
    ],
    pusher: [-lengthHalf - 0.55, 0, 0],
  }
}

/** Wheelchairs, pushed, self-driven and electric; often with somebody in it (placed by the caller on `seat`). */
export function createWheelchair(random: Random): Vehicle {
  const part = new Part()
  const electric = random.chance(0.45)
  const frame = metal(random.pick([0xb8bcc0, 0x8a8e92, 0x22262a, 0x2a4a88, 0x8a2020]), 0.6)
  const cloth = matt(random.pick([0x16181c, 0x1c2a4a, 0x202020, 0x4a1818, 0x2a3a2a]))
  const rubber = tyreBlack(random)
  const half = random.range(0.24, 0.3)
  const radius = electric ? random.range(0.15, 0.2) : random.range(0.27, 0.31)
  const seatY = 0.5
  for (const side of [-half, half]) {
    part.wheel(rubber, frame, [-0.16, radius, side], radius, electric ? 0.09 : 0.035, electric ? 0.6 : 0.12)
    if (!electric) {
      part.spokes(frame, [-0.16, radius, side], radius * 0.9, 8, 0.004)
      part.add(new THREE.TorusGeometry(radius * 0.88, 0.01, 6, 20), frame, [
        -0.16,
        radius,
        side * 1.1,
      ]).userData.own = true
    }
    part.wheel(rubber, frame, [0.32, 0.09, side * 0.85], 0.09, 0.035, 0.5)
    part.bar(frame, [0.32, 0.1, side * 0.85], [0.26, seatY, side * 0.9], 0.013)
    part.bar(frame, [-0.22, 0.25, side * 0.9], [-0.24, 0.95, side * 0.9], 0.013)
    part.bar(frame, [0.26, seatY, side * 0.9], [-0.22, seatY, side * 0.9], 0.013)
    part.bar(frame, [0.26, seatY, side * 0.9], [0.45, 0.16, side * 0.6], 0.012)
    part.rounded(cloth, [0.34, 0.05, 0.06], [0, seatY + 0.22, side])
    part.box(cloth, [0.3, 0.2, 0.01], [-0.02, seatY + 0.1, side * 0.95])
    part.bar(matt(0x141416), [-0.24, 0.95, side * 0.9], [-0.36, 0.95, side * 0.9], 0.017)
    part.box(matt(0x202226), [0.16, 0.02, 0.14], [0.48, 0.15, side * 0.5], [0, 0, 0.2])
  }
  part.rounded(cloth, [0.44, 0.05, half * 1.8], [0.02, seatY + 0.01, 0])
  part.rounded(cloth, [0.05, 0.45, half * 1.75], [-0.23, seatY + 0.26, 0], [0, 0, 0.08])
  if (electric) power(part, random, half, radius, seatY)
  return {
    label: 'wheelchair',
    group: part.group,
    length: 1.05,
    width: half * 2 + 0.12,
    grips: [
      [-0.34, 0.95, -half * 0.9],
      [-0.34, 0.95, half * 0.9],
    ],
    seat: [-0.08, seatY + 0.1, 0],
    feet: [
      [0.46, 0.18, -0.1],
      [0.46, 0.18, 0.1],
    ],
    pusher: [-0.72, 0, 0],
  }
}

/** Motors, battery, fenders, headrest and stick: what makes detectors take a powered wheelchair for an e-bike. */
function power(part: Part, random: Random, half: number, radius: number, seatY: number): void {
  const black = plastic(new THREE.Color().setHSL(0.6, 0.05, random.range(0.04, 0.16)), random.range(0.1, 0.6))
  const shell = random.chance(0.5) ? black : plastic(vehicleColor(random), random.range(0.2, 0.9))
  part.rounded(
    shell,
    [random.range(0.35, 0.6), random.range(0.16, 0.3), half * random.range(1.2, 1.7)],
    [-0.06, 0.28, 0],
  )
  part.limb(black, [0.16, seatY + 0.26, half], [0.18, seatY + 0.34, half], 0.025)
  part.rounded(black, [0.12, 0.04, 0.07], [0.18, seatY + 0.26, half])
  const fenders = random.chance(0.5)
  for (const side of [-half, half]) {
    if (fenders) part.arc(shell, [-0.16, radius, side], radius + 0.03, 0.11, 0.3, 2.4)
    part.ball(black, [0.07, 0.07, 0.09], [-0.16, radius, side * 0.7])
    if (random.chance(0.4)) part.wheel(tyreBlack(random), shell, [0.34, 0.12, side * 0.9], 0.12, 0.07, 0.55)
  }
  if (random.chance(0.5)) part.rounded(black, [0.07, random.range(0.12, 0.2), 0.26], [-0.3, 1.12, 0])
  if (random.chance(0.35)) part.rounded(black, [0.22, 0.3, half * 1.3], [-0.36, seatY + 0.2, 0])
}

/** Suitcases, shopping trolleys, hand trucks, platform trolleys, supermarket trolleys. */
export function createTrolley(random: Random): Vehicle {
  const part = new Part()
  const kind = random.weighted({ suitcase: 38, shopper: 20, platform: 20, truck: 10, supermarket: 12 })
  const steel = metal(0xa8acb0, 0.6)
  const black = matt(0x18191c)
  const rubber = tyreBlack(random)
  let length = 0.3
  let width = 0.45
  let grip: Point = [-0.1, 1.0, 0]
  if (kind === 'suitcase' || kind === 'shopper') {
    const high = random.range(0.5, 0.75)
    width = random.range(0.34, 0.5)
    length = random.range(0.22, 0.32)
    const skin =
      kind === 'suitcase'
        ? plastic(vehicleColor(random), 0.6)
        : matt(0xffffff, clothTexture(random, vehicleColor(random)))
    part.rounded(skin, [length, high, width], [0, high / 2 + 0.06, 0])
    if (kind === 'suitcase')
      for (let i = -2; i <= 2; i++)
        part.box(skin, [length * 1.02, high * 0.8, 0.02], [0, high / 2 + 0.06, (i * width) / 6])
    for (const x of [-0.1, 0.1])
      for (const side of [-1, 1])
        part.wheel(rubber, black, [x, 0.035, side * width * 0.4], kind === 'shopper' ? 0.08 : 0.035, 0.03, 0.5)
    const top = random.range(0.95, 1.08)
    for (const side of [-0.09, 0.09]) part.bar(steel, [-length * 0.4, high, side], [-length * 0.45, top, side], 0.01)
    part.bar(black, [-length * 0.45, top, -0.1], [-length * 0.45, top, 0.1], 0.017)
    grip = [-length * 0.45, top, 0]
  } else if (kind === 'supermarket') {
    const wire = new THREE.MeshLambertMaterial({
      map: meshTexture('#b4b8bc'),
      transparent: true,
      alphaTest: 0.3,
      side: THREE.DoubleSide,
    })
    length = 0.9
    width = 0.54
    for (const side of [-0.25, 0.25]) {
      part.box(wire, [0.8, 0.42, 0.006], [0.05, 0.72, side])
      for (const x of [-0.35, 0.38]) part.wheel(rubber, steel, [x, 0.06, side], 0.06, 0.03, 0.5)
      part.bar(steel, [-0.38, 0.1, side], [-0.36, 0.98, side], 0.013)
      part.bar(steel, [-0.36, 0.2, side], [0.4, 0.14, side], 0.013)
    }
    part.box(wire, [0.006, 0.42, 0.5], [0.45, 0.72, 0])
    part.box(wire, [0.006, 0.42, 0.5], [-0.35, 0.72, 0])
    part.box(wire, [0.8, 0.006, 0.5], [0.05, 0.51, 0])
    for (let i = 0; i < random.int(0, 5); i++)
      part.rounded(
        matt(vehicleColor(random)),
        [0.2, 0.2, 0.2],
        [random.range(-0.2, 0.3), 0.62, random.range(-0.14, 0.14)],
      )
    part.bar(plastic(random.pick([0xc02020, 0x2050b0, 0x208040]), 0.5), [-0.42, 1.0, -0.25], [-0.42, 1.0, 0.25], 0.018)
    grip = [-0.42, 1.0, 0]
  } else {
    const platform = kind === 'platform'
    length = platform ? 0.8 : 0.4
    width = 0.5
    part.rounded(plastic(random.pick([0x2a4a88, 0x303438, 0x8a8e92]), 0.4), [length, 0.05, width], [0, 0.17, 0])
    for (const x of platform ? [-0.3, 0.3] : [-0.12])
      for (const side of [-0.19, 0.19]) part.wheel(rubber, steel, [x, 0.07, side], 0.07, 0.04, 0.5)
    for (const side of [-0.2, 0.2]) part.bar(steel, [-length / 2, 0.18, side], [-length / 2 - 0.05, 0.95, side], 0.014)
    part.bar(steel, [-length / 2 - 0.05, 0.95, -0.2], [-length / 2 - 0.05, 0.95, 0.2], 0.015)
    part.bar(steel, [-length / 2 - 0.02, 0.6, -0.2], [-length / 2 - 0.02, 0.6, 0.2], 0.01)
    const carton = [0xb58a58, 0xa67c4c, 0xc69a68, 0xdcd8d0]
    let y = 0.2
    for (let i = 0; i < random.int(0, 4); i++) {
      const high = random.range(0.15, 0.38)
      part.box(
        matt(random.pick(carton)),
        [length * random.range(0.5, 0.95), high, width * random.range(0.6, 0.98)],
        [0, y + high / 2, 0],
        [0, random.range(-0.1, 0.1), 0],
      )
      y += high
    }
    grip = [-length / 2 - 0.05, 0.95, 0]
  }
  return {
    label: 'trolley',
    group: part.group,
    length,
    width,
    grips: [
      [grip[0], grip[1], -0.1],
      [grip[0], grip[1], 0.1],
    ],
    pusher: [-length / 2 - 0.4, 0, 0],
  }
}
