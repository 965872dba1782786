import * as THREE from 'three'
import { glow, matt, metal, plastic } from './paint.ts'
import { Part, weld } from './part.ts'
import type { Random } from './random.ts'
import { drawn, floorTexture, matTexture, posterTexture, wallTexture } from './texture.ts'

/**
 * A lift cab. Origin on the floor in the middle; x across, y up, z towards the door; the door is in the plane
 * z = depth / 2 and the hall lies beyond it.
 */
export type Cab = {
  readonly group: THREE.Group
  readonly width: number
  readonly depth: number
  readonly height: number
  readonly doorCenter: number
  readonly doorWidth: number
  readonly doorHeight: number
  /** Share of light that the walls mirror; 0 for walls that do not. */
  readonly reflects: number
  /** 0 closed, 1 open. */
  setDoor(open: number): void
  dispose(): void
}

/** Size classes of residential lifts; the larger ones take stretchers. */
function measure(random: Random, roomy: boolean) {
  const width = roomy ? random.range(1.6, 2.0) : random.range(1.35, 2.1)
  const depth = roomy ? random.range(2.1, 2.5) : random.range(1.35, 2.5)
  return { width, depth, height: random.range(2.2, 2.55) }
}

export function createCab(random: Random, roomy = false): Cab {
  const { width, depth, height } = measure(random, roomy)
  const part = new Part()
  const textures: THREE.Texture[] = []
  const own = <T extends THREE.Texture>(texture: T): T => {
    textures.push(texture)
    return texture
  }
  const wall = (
    length: number,
    turn: number,
    x: number,
    z: number,
    material: THREE.Material,
    high = height,
    y = height / 2,
  ) => {
    const mesh = part.add(new THREE.PlaneGeometry(length, high), material, [x, y, z], [0, turn, 0])
    mesh.userData.own = true
    return mesh
  }

  const side = wallTexture(random)
  const same = random.chance(0.55)
  const back = same ? side : wallTexture(random)
  own(side.texture)
  if (!same) own(back.texture)
  const dim = random.range(0.75, 1.1)
  const sideMaterial = new THREE.MeshLambertMaterial({ map: side.texture, color: new THREE.Color(dim, dim, dim) })
  const backMaterial = new THREE.MeshLambertMaterial({ map: back.texture })
  wall(depth, Math.PI / 2, -width / 2, 0, sideMaterial)
  wall(depth, -Math.PI / 2, width / 2, 0, sideMaterial)
  wall(width, 0, 0, -depth / 2, backMaterial)
  if (random.chance(0.2))
    wall(width * random.range(0.4, 0.8), 0, 0, -depth / 2 + 0.01, plastic(0x9aa0a4, 1), height * 0.5, height * 0.68)

  const floor = own(floorTexture(random))
  floor.repeat.set(width / 1.2, depth / 1.2)
  part.add(
    new THREE.PlaneGeometry(width, depth),
    new THREE.MeshLambertMaterial({ map: floor }),
    [0, 0, 0],
    [-Math.PI / 2, 0, 0],
  ).userData.own = true
  if (random.chance(0.35)) {
    const mat = own(
      matTexture(
        random,
        new THREE.Color().setHSL(random.pick([0, 0.6, 0.35, 0.08]), random.range(0.1, 0.7), random.range(0.15, 0.4)),
      ),
    )
    const label = own(
      drawn(128, 128, (pen) => {
        pen.drawImage(mat.image as CanvasImageSource, 0, 0, 128, 128)
        pen.fillStyle = random.pick(['#e8c040', '#e8e8e8', '#202020'])
        pen.font = 'bold 30px sans-serif'
        if (random.chance(0.6)) pen.fillText(random.pick(['星期一', '欢迎', '幸福', 'WELCOME']), 14, 76)
      }),
    )
    part.add(
      new THREE.PlaneGeometry(width * random.range(0.7, 0.95), depth * random.range(0.6, 0.9)),
      matt(0xffffff, label),
      [0, 0.006, 0],
      [-Math.PI / 2, 0, random.pick([0, Math.PI / 2, Math.PI])],
    ).userData.own = true
  }
  const ceiling = random.range(0.5, 0.9)
  part.add(
    new THREE.PlaneGeometry(width, depth),
    matt(new THREE.Color(ceiling, ceiling, ceiling)),
    [0, height, 0],
    [Math.PI / 2, 0, 0],
  ).userData.own = true
  for (let i = 0; i < random.int(1, 3); i++)
    part.box(
      glow(0xfffff4),
      [random.range(0.15, 0.5), 0.01, random.range(0.15, 1)],
      [random.range(-0.5, 0.5) * width * 0.7, height - 0.01, random.range(-0.5, 0.5) * depth * 0.6],
    )

  const doorWidth = Math.min(width - 0.3, roomy ? random.range(1.1, 1.25) : random.range(0.8, 1.15))
  const doorCenter = ((width - doorWidth) / 2 - 0.12) * (roomy || random.chance(0.5) ? 0 : random.range(-1, 1))
  const doorHeight = Math.min(height - 0.12, random.range(2, 2.15))
  const steel = metal(
    new THREE.Color().setHSL(random.pick([0.6, 0.1]), random.range(0, 0.15), random.range(0.15, 0.75)),
    random.range(0, 0.5),
  )
  const returnMaterial = random.chance(0.5) ? sideMaterial : steel
  const z = depth / 2
  const left = doorCenter - doorWidth / 2 + width / 2
  const right = width / 2 - doorCenter - doorWidth / 2
  wall(left, Math.PI, -width / 2 + left / 2, z, returnMaterial)
  wall(right, Math.PI, width / 2 - right / 2, z, returnMaterial)
  wall(doorWidth, Math.PI, doorCenter, z, returnMaterial, height - doorHeight, (height + doorHeight) / 2)
  part.box(metal(0x888c90, 0.4), [doorWidth, 0.012, 0.16], [doorCenter, 0, z + 0.06])

  const panelSide = random.sign()
  const panelRoom = panelSide < 0 ? left : right
  const keypad = matt(random.pick([0x14161a, 0x303438, 0x9a9ea2, 0x101014]))
  const onReturn = panelRoom > 0.25
  const px = onReturn ? panelSide * (width / 2 - panelRoom / 2) : panelSide * (width / 2 - 0.012)
  const pz = onReturn ? z - 0.012 : z - 0.4
  part.box(keypad, onReturn ? [0.18, 1.1, 0.02] : [0.02, 1.1, 0.2], [px, 1.25, pz])
  for (let row = 0; row < 9; row++)
    for (let column = -1; column <= 1; column += 2) {
      const lamp = glow(random.chance(0.1) ? 0xff8030 : 0xb0b0b0)
      const y = 0.95 + row * 0.07
      part.box(
        lamp,
        [0.024, 0.024, 0.024],
        onReturn ? [px + column * 0.04, y, pz - 0.012] : [px - panelSide * 0.012, y, pz + column * 0.04],
      )
    }
  part.box(glow(random.pick([0x601010, 0x204880, 0xa0b0c0])), onReturn ? [0.12, 0.14, 0.022] : [0.022, 0.14, 0.12], [
    px,
    1.72,
    pz,
  ])

  const hang = (x: number, y: number, zz: number, turn: number) => {
    const wide = random.range(0.25, 0.75)
    const texture = own(posterTexture(random))
    wall(
      wide,
      turn,
      x,
      zz,
      random.chance(0.3) ? plastic(0xffffff, 0.2) : matt(0xffffff, texture),
      wide * random.range(1.1, 1.6),
      y,
    ).material = new THREE.MeshLambertMaterial({ map: texture })
  }
  for (let i = 0; i < random.int(0, 4); i++) {
    const where = random.pick(['left', 'right', 'back', 'front'] as const)
    const y = random.range(1.2, 1.8)
    const along = random.range(-0.35, 0.35)
    if (where === 'left') hang(-width / 2 + 0.012, y, along * depth, Math.PI / 2)
    if (where === 'right') hang(width / 2 - 0.012, y, along * depth, -Math.PI / 2)
    if (where === 'back') hang(along * width, y, -depth / 2 + 0.012, 0)
    if (where === 'front' && right > 0.35) hang(width / 2 - right / 2, y, z - 0.014, Math.PI)
  }
  if (random.chance(0.6)) {
    const rail = metal(0xb0b4b8, 0.8)
    const y = random.range(0.82, 0.95)
    if (random.chance(0.7))
      part.bar(rail, [-width / 2 + 0.1, y, -depth / 2 + 0.05], [width / 2 - 0.1, y, -depth / 2 + 0.05], 0.018)
    for (const s of [-1, 1])
      if (random.chance(0.6))
        part.bar(rail, [s * (width / 2 - 0.05), y, -depth / 2 + 0.1], [s * (width / 2 - 0.05), y, z - 0.3], 0.018)
  }
  if (random.chance(0.3))
    for (const s of [-1, 1]) part.box(matt(0x504c48), [0.012, 0.12, depth], [s * (width / 2 - 0.006), 0.06, 0])

  const hallLight = random.range(0.08, 0.9)
  const hall = (hue: number, light: number) =>
    matt(new THREE.Color().setHSL(hue, random.range(0, 0.25), light * hallLight))
  const hallFloor = own(floorTexture(random))
  hallFloor.repeat.set(3, 3)
  part.add(
    new THREE.PlaneGeometry(5, 3.6),
    new THREE.MeshLambertMaterial({ map: hallFloor, color: new THREE.Color(hallLight, hallLight, hallLight) }),
    [doorCenter, -0.005, z + 1.9],
    [-Math.PI / 2, 0, 0],
  ).userData.own = true
  const far = z + random.range(1.7, 3.2)
  wall(5, Math.PI, doorCenter, far, hall(random.next(), random.range(0.4, 0.9)), 3, 1.5)
  for (const s of [-1, 1])
    wall(
      3.5,
      (-s * Math.PI) / 2,
      doorCenter + s * random.range(1.1, 2.2),
      z + 1.8,
      hall(random.next(), random.range(0.4, 0.9)),
      3,
      1.5,
    )
  if (random.chance(0.5))
    part.box(hall(0.6, 0.3), [0.9, 2.05, 0.04], [doorCenter + random.range(-0.8, 0.8), 1.02, far - 0.02])
  if (random.chance(0.4)) hang(doorCenter + random.range(-0.7, 0.7), 1.5, far - 0.03, Math.PI)

  const twin = random.chance(0.6)
  const leaf = twin ? doorWidth / 2 : doorWidth
  const doorTexture = own(wallTexture(random).texture)
  const doorMaterial = random.chance(0.6) ? steel : new THREE.MeshLambertMaterial({ map: doorTexture })
  const leaves = twin
    ? [
        {
          mesh: part.box(doorMaterial, [leaf, doorHeight, 0.03], [0, doorHeight / 2, z + 0.05]),
          from: doorCenter - leaf / 2,
          go: -leaf,
        },
        {
          mesh: part.box(doorMaterial, [leaf, doorHeight, 0.03], [0, doorHeight / 2, z + 0.05]),
          from: doorCenter + leaf / 2,
          go: leaf,
        },
      ]
    : [
        {
          mesh: part.box(doorMaterial, [leaf, doorHeight, 0.03], [0, doorHeight / 2, z + 0.05]),
          from: doorCenter,
          go: panelSide * leaf,
        },
      ]
  const setDoor = (open: number) => {
    for (const { mesh, from, go } of leaves) mesh.position.x = from + go * open
  }
  setDoor(0)
  weld(
    part.group,
    leaves.map((each) => each.mesh),
  )
  return {
    group: part.group,
    width,
    depth,
    height,
    doorCenter,
    doorWidth,
    doorHeight,
    reflects: Math.max(side.reflects, back.reflects),
    setDoor,
    dispose() {
      for (const texture of textures) texture.dispose()
    },
  }
}
