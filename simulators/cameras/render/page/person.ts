import * as THREE from 'three'
import { clothColor, matt, plastic } from './paint.ts'
import { Part, type Point } from './part.ts'
import type { Random } from './random.ts'
import { clothTexture } from './texture.ts'

/** What somebody looks like; poses come separately, so that a sequence can move the same person. */
export type Look = {
  readonly height: number
  readonly girth: number
  readonly skin: THREE.Material
  readonly hair: THREE.Material
  readonly top: THREE.Material
  readonly bottom: THREE.Material
  readonly shoes: THREE.Material
  readonly longHair: boolean
  readonly bald: boolean
  readonly sleeves: 'long' | 'short'
  readonly legs: 'long' | 'short' | 'skirt'
  readonly head: 'none' | 'helmet' | 'cap' | 'hood'
  readonly headwear: THREE.Material
  readonly mask: boolean
  readonly pack: 'none' | 'rucksack' | 'shoulder'
  readonly packMaterial: THREE.Material
}

/** Points are in the person's own axes: x forward, y up, origin between the feet. */
export type Pose = {
  /** Walking phase in radians; absent while standing still. */
  readonly stride?: number
  /** Torso's forward lean in radians. */
  readonly lean?: number
  readonly hands?: readonly [Point | undefined, Point | undefined]
  /** Hips rest here instead of being carried by the legs. */
  readonly seat?: Point
  readonly feet?: readonly [Point, Point]
  /** Head turned to the left (+) or right (-), radians. */
  readonly gaze?: number
}

export function createLook(random: Random): Look {
  const child = random.chance(0.12)
  const topColor = clothColor(random)
  return {
    height: child ? random.range(0.95, 1.4) : random.range(1.5, 1.86),
    girth: random.range(0.82, 1.3),
    skin: matt(new THREE.Color().setHSL(random.range(0.05, 0.09), random.range(0.3, 0.55), random.range(0.42, 0.75))),
    hair: matt(
      random.chance(0.85)
        ? new THREE.Color().setHSL(0.07, 0.2, random.range(0.02, 0.1))
        : new THREE.Color().setHSL(0.08, random.range(0, 0.5), random.range(0.25, 0.75)),
    ),
    top: random.chance(0.6) ? matt(topColor) : matt(0xffffff, clothTexture(random, topColor)),
    bottom: matt(
      random.chance(0.6)
        ? new THREE.Color().setHSL(0.62, random.range(0, 0.4), random.range(0.04, 0.3))
        : clothColor(random),
    ),
    shoes: matt(random.chance(0.5) ? 0x141414 : clothColor(random)),
    longHair: random.chance(0.35),
    bald: random.chance(0.05),
    sleeves: random.chance(0.55) ? 'long' : 'short',
    legs: random.weighted({ long: 60, short: 25, skirt: 15 }),
    head: random.weighted({ none: 68, helmet: 15, cap: 11, hood: 6 }),
    headwear: plastic(random.chance(0.4) ? 0x202226 : clothColor(random), 0.5),
    mask: random.chance(0.3),
    pack: random.weighted({ none: 70, rucksack: 15, shoulder: 15 }),
    packMaterial: matt(clothColor(random)),
  }
}

/** Two-bone reach: where the elbow or knee goes, bending towards `pole`. */
function joint(root: THREE.Vector3, tip: THREE.Vector3, upper: number, lower: number, pole: THREE.Vector3) {
  const along = tip.clone().sub(root)
  const distance = Math.min(along.length(), (upper + lower) * 0.999)
  along.normalize()
  const reach = (upper * upper - lower * lower + distance * distance) / (2 * distance)
  const bend = Math.sqrt(Math.max(0, upper * upper - reach * reach))
  const side = pole.clone().addScaledVector(along, -pole.dot(along)).normalize()
  const elbow = root.clone().addScaledVector(along, reach).addScaledVector(side, bend)
  return { elbow, end: root.clone().addScaledVector(along, distance) }
}

function at(v: THREE.Vector3): Point {
  return [v.x, v.y, v.z]
}

export function posePerson(look: Look, pose: Pose): THREE.Group {
  const part = new Part()
  const { height: h, girth: g } = look
  const lean = pose.lean ?? 0
  const stride = pose.stride
  const swing = stride === undefined ? 0 : Math.sin(stride)
  const hips = pose.seat
    ? new THREE.Vector3(...pose.seat)
    : new THREE.Vector3(-0.25 * h * Math.sin(lean) * 0.4, h * 0.52, 0)
  const trunk = h * 0.3
  const ahead = new THREE.Vector3(Math.sin(lean), Math.cos(lean), 0)
  const chest = hips.clone().addScaledVector(ahead, trunk)
  const neck = chest.clone().addScaledVector(ahead, h * 0.03)
  const head = neck.clone().add(new THREE.Vector3(Math.sin(lean) * 0.05 + 0.02, h * 0.085, 0))

  const waist = 0.082 * h * g
  const shoulder = 0.115 * h * Math.sqrt(g)
  const middle = hips.clone().lerp(chest, 0.5)
  part.ball(look.top, [waist * 0.92, trunk * 0.62, shoulder * 1.05], at(middle), [0, 0, -lean])
  part.ball(
    look.top,
    [waist * 0.85, h * 0.055, shoulder * 1.25],
    at(chest.clone().addScaledVector(ahead, -h * 0.035)),
    [0, 0, -lean],
  )
  part.ball(look.bottom, [waist * 1.0, h * 0.075, waist * 1.2], at(hips))
  part.limb(look.skin, at(chest), at(neck), 0.033 * h)

  const r = 0.062 * h + 0.008
  part.ball(look.skin, [r * 0.95, r * 1.2, r * 0.86], at(head))
  const gaze = pose.gaze ?? 0
  const face = new THREE.Vector3(Math.cos(gaze), 0, -Math.sin(gaze))
  if (!look.bald) {
    part.ball(
      look.hair,
      [r * 1.03, r * 1.08, r * 0.98],
      at(
        head
          .clone()
          .addScaledVector(face, -r * 0.2)
          .add(new THREE.Vector3(0, r * 0.3, 0)),
      ),
    )
    if (look.longHair)
      part.ball(
        look.hair,
        [r * 0.6, r * 1.5, r * 0.9],
        at(
          head
            .clone()
            .addScaledVector(face, -r * 0.6)
            .add(new THREE.Vector3(0, -r * 0.6, 0)),
        ),
      )
  }
  part.ball(
    look.skin,
    [r * 0.2, r * 0.2, r * 0.2],
    at(
      head
        .clone()
        .addScaledVector(face, r * 0.95)
        .add(new THREE.Vector3(0, -r * 0.1, 0)),
    ),
  )
  if (look.mask)
    part.ball(
      matt(0xdfe8f0),
      [r * 0.5, r * 0.5, r * 0.7],
      at(
        head
          .clone()
          .addScaledVector(face, r * 0.55)
          .add(new THREE.Vector3(0, -r * 0.5, 0)),
      ),
      [0, gaze, 0],
    )
  if (look.head === 'helmet')
    part.ball(
      look.headwear,
      [r * 1.35, r * 1.25, r * 1.25],
      at(head.clone().add(new THREE.Vector3(-r * 0.1, r * 0.35, 0))),
    )
  if (look.head === 'hood')
    part.ball(
      look.top,
      [r * 1.2, r * 1.3, r * 1.15],
      at(
        head
          .clone()
          .addScaledVector(face, -r * 0.3)
          .add(new THREE.Vector3(0, r * 0.1, 0)),
      ),
    )
  if (look.head === 'cap') {
    part.dome(look.headwear, [r * 1.15, r * 0.9, r * 1.1], at(head.clone().add(new THREE.Vector3(0, r * 0.4, 0))))
    part.ball(
      look.headwear,
      [r * 0.7, r * 0.1, r * 0.7],
      at(
        head
          .clone()
          .addScaledVector(face, r * 1.1)
          .add(new THREE.Vector3(0, r * 0.45, 0)),
      ),
    )
  }

  for (const [index, side] of ([-1, 1] as const).entries()) {
    const root = chest.clone().add(new THREE.Vector3(0, -h * 0.03, side * shoulder * 1.25))
    const wanted = pose.hands?.[index]
    const idle = new THREE.Vector3(
      hips.x + 0.05 - swing * side * 0.14 * h,
      hips.y - h * 0.03,
      side * (shoulder * 1.5 + 0.02),
    )
    const { elbow, end } = joint(
      root,
      wanted ? new THREE.Vector3(...wanted) : idle,
      h * 0.165,
      h * 0.17,
      new THREE.Vector3(-0.7, -0.5, side * 0.6),
    )
    part.limb(
      look.top,
      at(root),
      at(look.sleeves === 'long' ? elbow : root.clone().lerp(elbow, 0.75)),
      0.034 * h * Math.sqrt(g),
    )
    if (look.sleeves === 'short') part.limb(look.skin, at(root.clone().lerp(elbow, 0.7)), at(elbow), 0.026 * h)
    part.limb(look.sleeves === 'long' ? look.top : look.skin, at(elbow), at(end), 0.024 * h)
    part.ball(look.skin, [0.045, 0.035, 0.04], at(end))

    const hip = hips.clone().add(new THREE.Vector3(0, -h * 0.01, side * waist * 0.65))
    const step = swing * side
    const lift = stride === undefined ? 0 : Math.max(0, Math.cos(stride) * side) * 0.07
    const wantedFoot = pose.feet?.[index]
    const foot = wantedFoot
      ? new THREE.Vector3(...wantedFoot)
      : new THREE.Vector3(step * 0.16 * h + 0.01, 0.07 + lift, side * (0.055 * h + 0.02))
    const leg = joint(hip, foot, h * 0.245, h * 0.245, new THREE.Vector3(1, 0.15, side * 0.25))
    if (look.legs === 'short') {
      part.limb(look.bottom, at(hip), at(hip.clone().lerp(leg.elbow, 0.8)), 0.052 * h * Math.sqrt(g))
      part.limb(look.skin, at(hip.clone().lerp(leg.elbow, 0.75)), at(leg.elbow), 0.038 * h)
      part.limb(look.skin, at(leg.elbow), at(leg.end), 0.03 * h)
    } else {
      part.limb(look.bottom, at(hip), at(leg.elbow), 0.05 * h * Math.sqrt(g))
      part.limb(look.legs === 'skirt' ? look.skin : look.bottom, at(leg.elbow), at(leg.end), 0.034 * h)
    }
    part.ball(look.shoes, [0.125 * (h / 1.7), 0.05, 0.05], [leg.end.x + 0.05, leg.end.y - 0.02, leg.end.z])
  }
  if (look.legs === 'skirt' && !pose.seat) {
    const skirt = part.add(new THREE.CylinderGeometry(waist * 0.95, waist * 1.75, h * 0.27, 14, 1, true), look.bottom, [
      hips.x,
      hips.y - h * 0.11,
      0,
    ])
    skirt.userData.own = true
  }
  if (look.pack === 'rucksack')
    part.rounded(
      look.packMaterial,
      [0.15, 0.4, 0.3],
      at(middle.clone().add(new THREE.Vector3(-waist - 0.05, 0.06, 0))),
      [0, 0, -lean],
    )
  if (look.pack === 'shoulder')
    part.rounded(look.packMaterial, [0.24, 0.2, 0.1], at(hips.clone().add(new THREE.Vector3(0, 0.02, shoulder * 1.6))))
  return part.group
}
