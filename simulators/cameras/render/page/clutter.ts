import * as THREE from 'three'
import { clothColor, matt, plastic, tyreBlack, vehicleColor } from './paint.ts'
import { Part } from './part.ts'
import type { Random } from './random.ts'

/** Things that are in lifts and are none of the classes: the detector must learn to leave them alone. */
export function createClutter(random: Random): THREE.Group {
  const part = new Part()
  const kind = random.weighted({
    dog: 22,
    cartons: 16,
    bin: 10,
    chair: 12,
    bags: 14,
    plant: 6,
    umbrella: 4,
    ladder: 4,
    scooter: 6,
    blob: 6,
  })
  const color = matt(vehicleColor(random))
  if (kind === 'dog') {
    const s = random.range(0.5, 1.2)
    const fur = matt(new THREE.Color().setHSL(random.range(0.05, 0.12), random.range(0, 0.6), random.range(0.06, 0.85)))
    part.ball(fur, [0.28 * s, 0.13 * s, 0.12 * s], [0, 0.36 * s, 0])
    part.ball(fur, [0.12 * s, 0.11 * s, 0.1 * s], [0.32 * s, 0.5 * s, 0])
    part.ball(fur, [0.09 * s, 0.05 * s, 0.05 * s], [0.43 * s, 0.47 * s, 0])
    part.limb(fur, [0.22 * s, 0.4 * s, 0], [0.3 * s, 0.48 * s, 0], 0.07 * s)
    part.limb(fur, [-0.27 * s, 0.4 * s, 0], [-0.4 * s, 0.55 * s, 0], 0.025 * s)
    for (const x of [-0.2, 0.2])
      for (const z of [-0.07, 0.07]) part.limb(fur, [x * s, 0.32 * s, z * s], [x * s, 0.04 * s, z * s], 0.035 * s)
    for (const z of [-0.08, 0.08]) part.ball(fur, [0.03 * s, 0.07 * s, 0.03 * s], [0.3 * s, 0.57 * s, z * s])
  } else if (kind === 'cartons') {
    let y = 0
    for (let i = 0; i < random.int(1, 4); i++) {
      const high = random.range(0.15, 0.5)
      part.box(
        matt(random.pick([0xb58a58, 0xa67c4c, 0xc69a68, 0xd8d4cc])),
        [random.range(0.25, 0.6), high, random.range(0.25, 0.6)],
        [0, y + high / 2, 0],
        [0, random.range(-0.4, 0.4), 0],
      )
      y += high
    }
  } else if (kind === 'bin') {
    const high = random.range(0.4, 0.9)
    const can = part.add(
      new THREE.CylinderGeometry(0.24, 0.2, high, 16),
      plastic(random.pick([0x2a7a3a, 0x303438, 0x2a4a9a, 0x8a8e92]), 0.4),
      [0, high / 2, 0],
    )
    can.userData.own = true
  } else if (kind === 'chair') {
    for (const x of [-0.2, 0.2]) for (const z of [-0.2, 0.2]) part.bar(color, [x, 0, z], [x, 0.45, z], 0.018)
    part.rounded(color, [0.45, 0.05, 0.45], [0, 0.46, 0])
    part.rounded(color, [0.04, 0.45, 0.42], [-0.21, 0.7, 0])
  } else if (kind === 'bags') {
    for (let i = 0; i < random.int(1, 4); i++)
      part.ball(
        matt(clothColor(random)),
        [random.range(0.12, 0.25), random.range(0.14, 0.28), random.range(0.1, 0.2)],
        [random.range(-0.2, 0.2), 0.16, random.range(-0.3, 0.3)],
      )
  } else if (kind === 'plant') {
    part.ball(plastic(vehicleColor(random)), [0.16, 0.18, 0.16], [0, 0.17, 0])
    for (let i = 0; i < 9; i++)
      part.ball(
        matt(new THREE.Color().setHSL(0.3, 0.5, random.range(0.15, 0.4))),
        [0.16, 0.04, 0.09],
        [random.range(-0.2, 0.2), random.range(0.4, 0.9), random.range(-0.2, 0.2)],
        [random.next(), random.next(), random.next()],
      )
  } else if (kind === 'umbrella') {
    part.bar(color, [0, 0.03, 0], [0.1, 0.8, 0.1], 0.03)
  } else if (kind === 'ladder') {
    for (const z of [-0.2, 0.2]) part.bar(color, [-0.25, 0, z], [0, 1.6, z * 0.7], 0.02)
    for (let i = 1; i < 6; i++)
      part.bar(color, [-0.25 + i * 0.04, i * 0.27, -0.2], [-0.25 + i * 0.04, i * 0.27, 0.2], 0.014)
  } else if (kind === 'scooter') {
    const rubber = tyreBlack(random)
    for (const x of [-0.35, 0.35]) part.wheel(rubber, color, [x, 0.08, 0], 0.08, 0.04, 0.5)
    part.rounded(color, [0.6, 0.04, 0.13], [-0.03, 0.11, 0])
    part.bar(color, [0.35, 0.12, 0], [0.28, 0.9, 0], 0.018)
    part.bar(color, [0.28, 0.9, -0.2], [0.28, 0.9, 0.2], 0.016)
  } else {
    for (let i = 0; i < 5; i++)
      part.rounded(
        plastic(vehicleColor(random), 0.4),
        [random.range(0.1, 0.6), random.range(0.1, 0.6), random.range(0.1, 0.6)],
        [random.range(-0.2, 0.2), random.range(0.15, 0.6), random.range(-0.2, 0.2)],
        [random.next(), random.next(), random.next()],
      )
  }
  return part.group
}
