import type * as THREE from 'three'
import { createBicycle } from './bicycle.ts'
import { createCab } from './cab.ts'
import { createClutter } from './clutter.ts'
import { createEBike } from './e-bike.ts'
import { type Lens, plainLook, randomLook } from './lens.ts'
import { type Model, modelFigure, modelVehicle } from './mesh.ts'
import { createLook } from './person.ts'
import { createStroller, createTrolley, createWheelchair } from './pushed.ts'
import { Random } from './random.ts'
import { type Box, fits, type Place, Stage } from './stage.ts'
import type { Label, Vehicle } from './vehicle.ts'
import { randomView, roundView } from './view.ts'
import { createYard, yardView } from './yard.ts'

/** Modelled meshes that stand in for the vehicles, persons and things drawn from simple solids, where there are any. */
export type Models = readonly Model[]

/** What is rendered beside the plain picture. */
export type StillOptions = {
  /** Odd stills repeat the one before them without its vehicles: nothing but the vehicle tells them apart. */
  pairs?: boolean
  /** Objects without a cab, to be laid over other pictures. */
  cutouts?: boolean
}

function pick(random: Random, models: Models, label: Label | 'clutter', share: number): Model | undefined {
  const fitting = models.filter((model) => model.label === label)
  return fitting.length > 0 && random.chance(share) ? random.pick(fitting) : undefined
}

export function createVehicle(random: Random, label: Exclude<Label, 'person'>, models: Models = []): Vehicle {
  const model = pick(random, models, label, label === 'e-bike' ? 0.35 : 0.5)
  if (model) return modelVehicle(model, random)
  if (label === 'e-bike') return createEBike(random)
  if (label === 'bicycle') return createBicycle(random)
  if (label === 'stroller') return createStroller(random)
  if (label === 'wheelchair') return createWheelchair(random)
  return createTrolley(random)
}

type Taken = { x: number; z: number; radius: number }[]

function clear(taken: Taken, x: number, z: number, radius: number): boolean {
  return taken.every((other) => Math.hypot(other.x - x, other.z - z) > other.radius + radius)
}

/** Circles along a vehicle's length, so that people do not stand in it. */
function occupy(taken: Taken, place: Place, vehicle: Vehicle): void {
  for (const u of [-0.35, 0, 0.35]) {
    taken.push({
      x: place.x + u * vehicle.length * Math.cos(place.heading),
      z: place.z - u * vehicle.length * Math.sin(place.heading),
      radius: vehicle.width * 0.42,
    })
  }
}

/** A cab of one seed with one lens; many stills are taken in it. */
export class CabSet {
  readonly #stage: Stage
  readonly #lens: Lens
  readonly #seed: number
  readonly #open: boolean
  readonly #models: Models
  readonly #options: StillOptions

  constructor(lens: Lens, seed: number, models: Models = [], options: StillOptions = {}) {
    this.#lens = lens
    this.#seed = seed
    this.#models = models
    this.#options = options
    const random = new Random(seed)
    this.#open = options.cutouts || new Random(seed * 13 + 7).chance(0.18)
    this.#stage = new Stage(this.#open ? createYard(random) : createCab(random))
  }

  /** Arranges and photographs still number `index` of this cab; the picture lands on the lens's canvas. */
  shoot(number: number): Box[] {
    if (this.#options.cutouts) return this.#cutout(number)
    const without = this.#options.pairs && number % 2 === 1
    const index = without ? number - 1 : number
    const random = new Random(this.#seed * 97 + index * 7919 + 13)
    const stage = this.#stage
    const { cab } = stage
    stage.clear()
    const taken: Taken = []
    const crossing = !this.#open && random.chance(0.25)
    const open = crossing || random.chance(0.35) ? random.range(0.75, 1) : random.chance(0.3) ? random.next() : 0
    cab.setDoor(open)
    // Shadow maps cost a third of a picture on a CPU; the contact patches stay.
    stage.shadows(random.chance(0.3))
    const daylight = random.range(0.7, 1.25)
    stage.light(
      random.range(2.2, 3.6) * daylight,
      random.range(0.8, 2.4) * daylight,
      random.range(-0.6, 0.6),
      random.range(-0.6, 0.6),
    )

    const scene = random.weighted({
      empty: 5,
      people: 16,
      'e-bike': 44,
      bicycle: 13,
      stroller: 9,
      wheelchair: 12,
      trolley: 9,
      mixed: 10,
    })
    const wanted: Exclude<Label, 'person'>[] = []
    if (scene === 'mixed') {
      wanted.push(random.pick(['e-bike', 'bicycle']), random.pick(['bicycle', 'stroller', 'wheelchair', 'trolley']))
    } else if (scene !== 'empty' && scene !== 'people') {
      wanted.push(scene)
      if (scene === 'trolley' && random.chance(0.3)) wanted.push('trolley')
    }
    for (const label of wanted) this.#vehicle(random, label, taken, crossing && open > 0.7)
    if (without) stage.clearVehicles()
    const extra =
      scene === 'people' ? random.int(1, 5) : scene === 'empty' ? 0 : random.weighted({ 0: 55, 1: 30, 2: 15 })
    for (let i = 0; i < Number(extra); i++) this.#person(random, taken, open > 0.7)
    if (random.chance(scene === 'empty' ? 0.3 : 0.2)) {
      const x = random.range(-0.5, 0.5) * (cab.width - 0.7)
      const z = random.range(-0.5, 0.5) * (cab.depth - 0.7)
      if (clear(taken, x, z, 0.25)) stage.put(this.#clutter(random), { x, z, heading: random.range(0, 6.28) })
    }
    const aspect = this.#lens.width / this.#lens.height
    const camera = this.#open ? yardView(random, aspect) : randomView(random, cab, aspect)
    const look = randomLook(random)
    this.#lens.shoot(stage.scene, camera, look, random.next())
    return stage.boxes(this.#lens, camera, look.barrel)
  }

  #clutter(random: Random): THREE.Group {
    const model = pick(random, this.#models, 'clutter', 0.7)
    return model ? modelFigure(model, random) : createClutter(random)
  }

  /** One vehicle, figure or thing, alone or with whoever rides or pushes it, seen from anywhere above the floor. */
  #cutout(index: number): Box[] {
    const random = new Random(this.#seed * 97 + index * 7919 + 13)
    const stage = this.#stage
    stage.clear()
    stage.cab.group.visible = false
    stage.scene.background = null
    stage.shadows(random.chance(0.5))
    stage.light(random.range(1.4, 4.4), random.range(0.8, 3), random.range(-2, 2), random.range(-2, 2))
    const what = random.weighted({
      'e-bike': 42,
      bicycle: 8,
      stroller: 8,
      wheelchair: 8,
      trolley: 7,
      person: 14,
      clutter: 13,
    })
    const place = { x: 0, z: 0, heading: random.range(0, Math.PI * 2) }
    if (what === 'clutter') stage.put(this.#clutter(random), place)
    else if (what === 'person') this.#figure(random, place)
    else {
      const vehicle = createVehicle(random, what, this.#models)
      stage.putVehicle(vehicle, place)
      const riding = vehicle.seat && random.chance(what === 'e-bike' ? 0.3 : what === 'wheelchair' ? 0.6 : 0)
      if (riding) stage.putRider(createLook(random), vehicle, place, random.normal() * 0.4)
      else if (random.chance(0.4))
        stage.putPusher(createLook(random), vehicle, place, {
          side: random.sign(),
          gaze: random.normal() * 0.5,
          ...(random.chance(0.4) ? { stride: random.range(0, 6.28) } : {}),
        })
    }
    const camera = roundView(random, this.#lens.width / this.#lens.height)
    const look = { ...plainLook, barrel: random.range(0, 0.3), vignette: 0, noise: 0, exposure: random.range(0.8, 1.4) }
    this.#lens.shoot(stage.scene, camera, look, random.next())
    return stage.boxes(this.#lens, camera, look.barrel)
  }

  #figure(random: Random, place: Place): void {
    const model = pick(random, this.#models, 'person', 0.5)
    if (model) this.#stage.put(modelFigure(model, random), place, 'person')
    else
      this.#stage.putPerson(createLook(random), place, {
        gaze: random.normal() * 0.5,
        lean: random.range(-0.03, 0.3),
        ...(random.chance(0.4) ? { stride: random.range(0, 6.28) } : {}),
      })
  }

  #vehicle(random: Random, label: Exclude<Label, 'person'>, taken: Taken, crossing: boolean): void {
    const { cab } = this.#stage
    const vehicle = createVehicle(random, label, this.#models)
    for (let attempt = 0; attempt < 60; attempt++) {
      const along = random.chance(0.8)
      const heading =
        (along ? random.pick([Math.PI / 2, Math.PI / 2, -Math.PI / 2]) : random.range(0, Math.PI * 2)) +
        random.normal() * 0.22
      const deep = crossing && along
      const z = deep ? cab.depth / 2 + random.range(-0.9, 1.1) : random.range(-0.5, 0.5) * cab.depth
      const x = deep ? cab.doorCenter + random.normal() * 0.08 : random.range(-0.5, 0.5) * cab.width
      const place = { x, z, heading: deep ? heading * 0.4 + Math.sign(heading) * (Math.PI / 2) * 0.6 : heading }
      // The last attempts let handlebars brush the walls: small cabs are full with one e-bike.
      const slack = attempt > 40 ? 0.8 : 0.95
      const within =
        deep && z > cab.depth / 2 + vehicle.length / 2
          ? true
          : fits(cab, place, vehicle.length * slack, vehicle.width * slack)
      if (!within || !clear(taken, x, z, vehicle.width * 0.45)) continue
      this.#stage.putVehicle(vehicle, place)
      occupy(taken, place, vehicle)
      const riding = vehicle.seat && random.chance(label === 'e-bike' ? 0.5 : label === 'wheelchair' ? 0.7 : 0.06)
      if (riding) this.#stage.putRider(createLook(random), vehicle, place, random.normal() * 0.4)
      if (random.chance(riding ? (label === 'wheelchair' ? 0.6 : 0) : 0.75)) this.#pusher(random, vehicle, place, taken)
      return
    }
  }

  #pusher(random: Random, vehicle: Vehicle, place: Place, taken: Taken): void {
    const { cab } = this.#stage
    for (const side of random.chance(0.5) ? ([1, -1] as const) : ([-1, 1] as const)) {
      const [px, , pz] = vehicle.pusher
      const [c, s] = [Math.cos(place.heading), Math.sin(place.heading)]
      const x = place.x + px * c + pz * side * s
      const z = place.z - px * s + pz * side * c
      const free = z > cab.depth / 2 + 0.25 || fits(cab, { x, z, heading: 0 }, 0.34, 0.34)
      if (!free) continue
      this.#stage.putPusher(createLook(random), vehicle, place, {
        side,
        gaze: random.normal() * 0.5,
        ...(random.chance(0.4) ? { stride: random.range(0, 6.28) } : {}),
      })
      taken.push({ x, z, radius: 0.22 })
      return
    }
  }

  #person(random: Random, taken: Taken, open: boolean): void {
    const { cab } = this.#stage
    for (let attempt = 0; attempt < 20; attempt++) {
      const outside = open && random.chance(0.25)
      const x = outside ? cab.doorCenter + random.range(-0.5, 0.5) : random.range(-0.5, 0.5) * (cab.width - 0.4)
      const z = outside ? cab.depth / 2 + random.range(-0.2, 1.3) : random.range(-0.5, 0.5) * (cab.depth - 0.4)
      if (!clear(taken, x, z, 0.21)) continue
      const model = pick(random, this.#models, 'person', 0.5)
      if (model) {
        this.#stage.put(modelFigure(model, random), { x, z, heading: random.range(0, Math.PI * 2) }, 'person')
        taken.push({ x, z, radius: 0.21 })
        return
      }
      const phone: readonly [readonly [number, number, number], undefined] = [
        [0.3, random.range(1, 1.35), -0.08],
        undefined,
      ]
      this.#stage.putPerson(
        createLook(random),
        { x, z, heading: random.range(0, Math.PI * 2) },
        {
          gaze: random.normal() * 0.5,
          lean: random.range(-0.03, 0.2),
          ...(random.chance(0.35) ? { stride: random.range(0, 6.28) } : {}),
          ...(random.chance(0.3) ? { hands: phone } : {}),
        },
      )
      taken.push({ x, z, radius: 0.21 })
      return
    }
  }

  /** Pixels of the last still that show an object. */
  get covered(): Uint8Array {
    return this.#stage.covered
  }

  dispose(): void {
    this.#stage.dispose()
  }
}
