import type * as THREE from 'three'
import { createBicycle } from './bicycle.ts'
import { createCab } from './cab.ts'
import { createEBike } from './e-bike.ts'
import { type Lens, type Look as LensLook, plainLook } from './lens.ts'
import { print, timeText } from './overlay.ts'
import { createLook, type Look } from './person.ts'
import { createStroller } from './pushed.ts'
import { Random } from './random.ts'
import { type Box, type Place, Stage } from './stage.ts'
import type { Vehicle } from './vehicle.ts'
import { corner } from './view.ts'

export type SequenceKind = 'empty' | 'person' | 'bicycle' | 'stroller' | 'e-bike'

/** Seconds at which each act of a sequence begins. */
const acts = {
  open: 1.5,
  enter: 3.2,
  settle: 7.8,
  close: 8.6,
  ride: 10.4,
  reopen: 18,
  leave: 19.6,
  reclose: 24.4,
  end: 27.5,
}
const doorSeconds = 1.7

function ease(from: number, to: number, time: number): number {
  const t = Math.min(1, Math.max(0, (time - from) / (to - from)))
  return t * t * (3 - 2 * t)
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share
}

/** An entry from closed door to closed door: somebody brings something in, rides along, takes it out again. */
export class Sequence {
  readonly frames: number
  readonly #stage: Stage
  readonly #lens: Lens
  readonly #camera: THREE.PerspectiveCamera
  readonly #look: LensLook
  readonly #person: Look
  readonly #vehicle: Vehicle | undefined
  readonly #vehicleId: number = 0
  readonly #rate: number
  readonly #clock: number
  readonly #side: 1 | -1
  readonly #turn: number

  constructor(lens: Lens, seed: number, kind: SequenceKind, framesPerSecond: number) {
    const random = new Random(seed)
    this.#lens = lens
    this.#rate = framesPerSecond
    this.frames = Math.round(acts.end * framesPerSecond)
    this.#stage = new Stage(createCab(random, true))
    this.#camera = corner(random, this.#stage.cab, lens.width / lens.height)
    this.#look = {
      ...plainLook,
      exposure: random.range(0.9, 1.15),
      saturation: random.range(0.75, 1),
      noise: 0.012,
      soft: 0.35,
    }
    this.#stage.light(random.range(2.6, 3), random.range(0.8, 1.2), random.range(-0.3, 0.3), random.range(-0.3, 0.3))
    this.#clock = Date.UTC(
      2026,
      random.int(0, 11),
      random.int(1, 28),
      random.int(7, 21),
      random.int(0, 59),
      random.int(0, 50),
    )
    let person = createLook(random)
    while (person.height < 1.5) person = createLook(random)
    this.#person = person
    this.#side = this.#camera.position.x > 0 ? 1 : -1
    this.#turn = random.range(0.1, 0.22)
    if (kind === 'e-bike') this.#vehicle = createEBike(random, 'moped')
    if (kind === 'bicycle') this.#vehicle = createBicycle(random)
    if (kind === 'stroller') this.#vehicle = createStroller(random)
    if (this.#vehicle) this.#vehicleId = this.#stage.putVehicle(this.#vehicle, this.#place(0))
    this.#kind = kind
  }

  readonly #kind: SequenceKind

  /** What the last picture showed if nothing can have moved since: a closed, empty cab. */
  #quiet: Box[] | undefined

  /** Where the vehicle (or the lone person) is; outside it waits beyond the hall's far wall. */
  #place(time: number): Place {
    const { cab } = this.#stage
    const length = this.#vehicle?.length ?? 0.4
    const beside = this.#vehicle && Math.abs(this.#vehicle.pusher[2]) > 0.1
    const away = cab.depth / 2 + length / 2 + 1.7
    const rear = length / 2 + (this.#vehicle && !beside ? 0.1 : 0.18) - cab.depth / 2
    const deep = this.#vehicle ? Math.max(rear, beside ? -0.15 : 0.05) : -0.2
    const inside = ease(acts.enter, acts.settle, time) * (1 - ease(acts.leave, acts.reclose - 0.3, time))
    const settled =
      ease(acts.settle - 0.8, acts.close + 0.8, time) * (1 - ease(acts.leave - 0.6, acts.leave + 0.8, time))
    const sway = Math.sin(time * 1.3) * 0.006 * settled
    return {
      x: cab.doorCenter + (beside ? 0.16 * this.#side : 0) + settled * 0.1 * this.#side + sway,
      z: mix(away, deep, inside),
      heading: Math.PI / 2 + settled * this.#turn * this.#side,
    }
  }

  /** 0 closed, 1 open. */
  door(time: number): number {
    const first = ease(acts.open, acts.open + doorSeconds, time) - ease(acts.close, acts.close + doorSeconds, time)
    const second =
      ease(acts.reopen, acts.reopen + doorSeconds, time) - ease(acts.reclose, acts.reclose + doorSeconds, time)
    return first + second
  }

  shoot(index: number): Box[] {
    const time = index / this.#rate
    const stage = this.#stage
    const door = this.door(time)
    const still = door === 0 && (this.#kind === 'empty' || time < acts.open || time > acts.reclose + doorSeconds)
    if (still && this.#quiet) return this.#quiet
    stage.cab.setDoor(door)
    stage.clearPersons()
    const walking = (time > acts.enter && time < acts.settle) || (time > acts.leave && time < acts.reclose)
    const step = walking ? { stride: time * 6.2 } : {}
    const gaze = Math.sin(time * 0.7) * 0.4
    const place = this.#place(time)
    if (this.#vehicle) {
      stage.move(this.#vehicleId, place)
      stage.putPusher(this.#person, this.#vehicle, place, { side: this.#side, gaze, ...step })
    } else if (this.#kind === 'person') {
      const about = Math.PI * (ease(acts.settle - 0.3, acts.close + 0.6, time) || 0)
      stage.putPerson(this.#person, { ...place, heading: place.heading + about }, { gaze, ...step })
    }
    this.#lens.shoot(stage.scene, this.#camera, this.#look, (index % 97) / 97)
    const boxes = stage.boxes(this.#lens, this.#camera, this.#look.barrel)
    this.#quiet = still ? boxes : undefined
    return boxes
  }

  /** The recorder's lettering. */
  stamp(pen: CanvasRenderingContext2D, index: number): void {
    const { width, height } = this.#lens
    const size = height * 0.045
    print(pen, timeText(new Date(this.#clock + (index / this.#rate) * 1000), true), width * 0.03, size * 1.6, size)
    print(pen, '1号楼 1单元 电梯', width * 0.68, height - size, size)
  }

  dispose(): void {
    this.#stage.dispose()
  }
}
