import * as THREE from 'three'
import type { Cab } from './cab.ts'
import type { Lens } from './lens.ts'
import { type Point, release, weld } from './part.ts'
import { type Look as PersonLook, type Pose, posePerson } from './person.ts'
import { contactShadow } from './texture.ts'
import { type Label, labels, type Vehicle } from './vehicle.ts'

/** A labelled thing in the picture: box in pixels of the visible parts, `inside` the share of it within the cab. */
export type Box = { id: number; label: Label; x: number; y: number; width: number; height: number; inside: number }

export type Place = { x: number; z: number /** 0 looks along +x, π/2 into the cab (-z). */; heading: number }

type Actor = { id: number; label: Label | undefined; group: THREE.Group; length: number; reach: number; width: number }

/** Fewer visible pixels than this share of the picture are no object to anybody. */
const visibleShare = 0.0008

/** In the id picture: things of no class. */
const unlabelled = 250

const idMaterials = new Map<number, THREE.Material>()
function idMaterial(id: number): THREE.Material {
  let material = idMaterials.get(id)
  if (!material) {
    material = new THREE.MeshBasicMaterial({ color: new THREE.Color(id / 255, 0, 0), side: THREE.DoubleSide })
    idMaterials.set(id, material)
  }
  return material
}

/** Whether a footprint fits between the walls; it may stick out through the door where the door is. */
export function fits(cab: Cab, place: Place, length: number, width: number, margin = 0.03): boolean {
  const [c, s] = [Math.cos(place.heading), Math.sin(place.heading)]
  for (const [u, v] of [
    [1, 1],
    [1, -1],
    [-1, 1],
    [-1, -1],
    [0, 1],
    [0, -1],
  ] as const) {
    const lx = (u * length) / 2
    const lz = (v * width) / 2
    const x = place.x + lx * c + lz * s
    const z = place.z - lx * s + lz * c
    if (z > cab.depth / 2 - 0.02) {
      if (Math.abs(x - cab.doorCenter) > cab.doorWidth / 2 - margin) return false
    } else if (Math.abs(x) > cab.width / 2 - margin || z < -cab.depth / 2 + margin) return false
  }
  return true
}

/** One cab with whatever stands in it, ready to be photographed. */
export class Stage {
  readonly scene = new THREE.Scene()
  readonly cab: Cab
  readonly #actors: Actor[] = []
  readonly #shadow = contactShadow()
  readonly #sky: THREE.HemisphereLight
  readonly #lamp: THREE.DirectionalLight
  #next = 1
  /** Per pixel whether anything stands there, top row first; of the last `boxes`. */
  covered = new Uint8Array(0)

  constructor(cab: Cab) {
    this.cab = cab
    this.scene.background = new THREE.Color(0x050505)
    this.scene.add(cab.group)
    this.#sky = new THREE.HemisphereLight(0xffffff, 0x605850, 1.7)
    this.#lamp = new THREE.DirectionalLight(0xffffff, 1.6)
    this.#lamp.castShadow = true
    this.#lamp.shadow.mapSize.set(512, 512)
    this.#lamp.shadow.bias = -0.003
    this.#lamp.shadow.normalBias = 0.02
    const frustum = this.#lamp.shadow.camera
    frustum.left = frustum.bottom = -2.4
    frustum.right = frustum.top = 2.4
    frustum.near = 0.1
    frustum.far = 6
    this.#lamp.position.set(0.2, 2.9, 0.1)
    this.scene.add(this.#sky, this.#lamp, this.#lamp.target)
    cab.group.traverse((node) => {
      node.receiveShadow = true
    })
  }

  light(sky: number, lamp: number, x: number, z: number): void {
    this.#sky.intensity = sky
    this.#lamp.intensity = lamp
    this.#lamp.position.set(x, 2.9, z)
  }

  shadows(cast: boolean): void {
    this.#lamp.castShadow = cast
  }

  /** Puts an object down; returns its id in the picture. */
  put(group: THREE.Group, place: Place, label?: Label, length = 0.4, width = 0.4): number {
    const id = label ? this.#next++ : 0
    weld(group)
    group.position.set(place.x, 0, place.z)
    group.rotation.y = place.heading
    group.traverse((node) => {
      node.castShadow = true
      node.receiveShadow = true
    })
    const patch = new THREE.Mesh(
      new THREE.PlaneGeometry(length * 1.25, width * 1.5),
      new THREE.MeshBasicMaterial({ map: this.#shadow, transparent: true, depthWrite: false }),
    )
    patch.rotation.x = -Math.PI / 2
    patch.position.y = 0.012
    patch.userData.own = true
    patch.userData.unseen = true
    group.add(patch)
    this.scene.add(group)
    this.#actors.push({ id, label, group, length, reach: length / 2, width })
    return id
  }

  putVehicle(vehicle: Vehicle, place: Place): number {
    return this.put(vehicle.group, place, vehicle.label, vehicle.length, vehicle.width)
  }

  /** Seats a person on the vehicle. */
  putRider(look: PersonLook, vehicle: Vehicle, place: Place, gaze = 0): number {
    const driving = vehicle.label !== 'wheelchair'
    const pose: Pose = {
      seat: vehicle.seat!,
      ...(vehicle.feet ? { feet: vehicle.feet } : {}),
      ...(driving ? { hands: vehicle.grips } : {}),
      lean: driving ? 0.18 : 0,
      gaze,
    }
    return this.put(posePerson(look, pose), place, 'person', 0.5, 0.5)
  }

  /** Stands a person where the vehicle is pushed from; `side` -1 mirrors it to the other side. */
  putPusher(
    look: PersonLook,
    vehicle: Vehicle,
    place: Place,
    options: { side?: 1 | -1; stride?: number; gaze?: number } = {},
  ): number {
    const side = options.side ?? 1
    const [px, , pz] = vehicle.pusher
    const stand: Point = [px, 0, pz * side]
    const [c, s] = [Math.cos(place.heading), Math.sin(place.heading)]
    const hands = vehicle.grips.map(([x, y, z]): Point => [x - stand[0], y, z - stand[2]])
    const pose: Pose = {
      hands: [hands[0], hands[1]],
      lean: options.stride === undefined ? 0.12 : 0.2,
      ...(options.stride === undefined ? {} : { stride: options.stride }),
      gaze: options.gaze ?? 0,
    }
    const at = {
      x: place.x + stand[0] * c + stand[2] * s,
      z: place.z - stand[0] * s + stand[2] * c,
      heading: place.heading,
    }
    return this.put(posePerson(look, pose), at, 'person')
  }

  putPerson(look: PersonLook, place: Place, pose: Pose = {}): number {
    return this.put(posePerson(look, pose), place, 'person')
  }

  /** Moves what was put down earlier. */
  move(id: number, place: Place): void {
    const actor = this.#actors.find((other) => other.id === id)
    if (!actor) return
    actor.group.position.set(place.x, 0, place.z)
    actor.group.rotation.y = place.heading
  }

  /** Takes all persons away; vehicles stay and keep their ids, and so do the persons who come next. */
  clearPersons(): void {
    for (const actor of this.#actors.filter((other) => other.label === 'person')) {
      release(actor.group)
      this.#actors.splice(this.#actors.indexOf(actor), 1)
    }
    this.#next = Math.max(0, ...this.#actors.map((other) => other.id)) + 1
  }

  /** Takes all vehicles away and leaves whoever stood beside them. */
  clearVehicles(): void {
    for (const actor of this.#actors.filter((other) => other.label !== undefined && other.label !== 'person')) {
      release(actor.group)
      this.#actors.splice(this.#actors.indexOf(actor), 1)
    }
  }

  clear(): void {
    for (const actor of this.#actors.splice(0)) release(actor.group)
    this.#next = 1
  }

  dispose(): void {
    this.clear()
    release(this.cab.group)
    this.cab.dispose()
    this.#shadow.dispose()
    this.#lamp.dispose()
  }

  /** Exact boxes of what the camera sees, in pixels. */
  boxes(lens: Lens, camera: THREE.Camera, barrel: number): Box[] {
    const swapped: { mesh: THREE.Mesh; material: THREE.Material | THREE.Material[]; visible: boolean }[] = []
    const swap = (root: THREE.Object3D, id: number) =>
      root.traverse((node) => {
        if (!(node instanceof THREE.Mesh)) return
        swapped.push({ mesh: node, material: node.material, visible: node.visible })
        node.material = idMaterial(id)
        if (node.userData.unseen) node.visible = false
      })
    swap(this.cab.group, 0)
    for (const actor of this.#actors) swap(actor.group, actor.id || unlabelled)
    const background = this.scene.background
    this.scene.background = null
    const pixels = lens.identify(this.scene, camera, barrel)
    this.scene.background = background
    for (const { mesh, material, visible } of swapped) {
      mesh.material = material
      mesh.visible = visible
    }
    const { width, height } = lens
    this.covered = new Uint8Array(width * height)
    const extents = new Map<number, { left: number; right: number; top: number; bottom: number; count: number }>()
    for (let row = 0; row < height; row++)
      for (let x = 0; x < width; x++) {
        const id = pixels[(row * width + x) * 4]!
        if (id === 0) continue
        const y = height - 1 - row
        this.covered[y * width + x] = 1
        const e = extents.get(id)
        if (!e) extents.set(id, { left: x, right: x, top: y, bottom: y, count: 1 })
        else {
          if (x < e.left) e.left = x
          if (x > e.right) e.right = x
          if (y < e.top) e.top = y
          if (y > e.bottom) e.bottom = y
          e.count++
        }
      }
    const found: Box[] = []
    for (const actor of this.#actors) {
      const e = extents.get(actor.id)
      if (!actor.label || !e || e.count < visibleShare * width * height) continue
      found.push({
        id: actor.id,
        label: actor.label,
        x: e.left,
        y: e.top,
        width: e.right - e.left + 1,
        height: e.bottom - e.top + 1,
        inside: this.#inside(actor),
      })
    }
    return found.sort((a, b) => labels.indexOf(a.label) - labels.indexOf(b.label))
  }

  #inside(actor: Actor): number {
    const { z } = actor.group.position
    const dz =
      Math.abs(Math.sin(actor.group.rotation.y)) * actor.reach +
      Math.abs(Math.cos(actor.group.rotation.y)) * (actor.width / 2)
    return Math.round(Math.min(1, Math.max(0, (this.cab.depth / 2 - (z - dz)) / (2 * dz))) * 1000) / 1000
  }
}
