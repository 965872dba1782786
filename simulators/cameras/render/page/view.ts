import * as THREE from 'three'
import type { Cab } from './cab.ts'
import type { Random } from './random.ts'

/** Places the camera as installers (and reporters) do, and aims it at the floor's middle. */
export function randomView(random: Random, cab: Cab, aspect: number): THREE.PerspectiveCamera {
  const kind = random.weighted({ rearCorner: 50, frontCorner: 20, rearMiddle: 9, overDoor: 8, hall: 13 })
  const { width: w, depth: d, height: h } = cab
  const side = random.sign()
  const eye = new THREE.Vector3()
  const target = new THREE.Vector3(random.range(-0.25, 0.25) * w, random.range(0.2, 1.05), random.range(-0.2, 0.25) * d)
  let fov = random.range(58, 92)
  const high = h - random.range(0.06, 0.35)
  const near = random.range(0.08, 0.22)
  if (kind === 'rearCorner') {
    eye.set(side * (w / 2 - near), high, -d / 2 + near)
    if (random.chance(0.5))
      target.set(cab.doorCenter + random.range(-0.3, 0.3), random.range(0.5, 1.1), d * random.range(0.1, 0.5))
  } else if (kind === 'frontCorner') eye.set(side * (w / 2 - near), high, d / 2 - near)
  else if (kind === 'rearMiddle') eye.set(random.range(-0.2, 0.2) * w, high, -d / 2 + near)
  else if (kind === 'overDoor') eye.set(random.range(-0.3, 0.3) * w, high, d / 2 - near)
  else {
    eye.set(cab.doorCenter + random.range(-0.5, 0.5), random.range(1.1, 2.2), d / 2 + random.range(0.4, 1.5))
    target.set(cab.doorCenter + random.range(-0.2, 0.2), random.range(0.6, 1.1), 0)
    fov = random.range(45, 75)
  }
  if (kind !== 'hall' && random.chance(0.15)) fov = random.range(92, 112)
  const camera = new THREE.PerspectiveCamera(fov, aspect, 0.04, 12)
  camera.position.copy(eye)
  camera.lookAt(target)
  camera.rotateZ(random.chance(0.6) ? random.normal() * 0.06 : random.normal() * 0.2)
  return camera
}

/** The camera of a sequence: fixed in the rear corner, the door in view. */
export function corner(random: Random, cab: Cab, aspect: number): THREE.PerspectiveCamera {
  const side = random.sign()
  const camera = new THREE.PerspectiveCamera(random.range(82, 92), aspect, 0.04, 12)
  camera.position.set(side * (cab.width / 2 - 0.1), cab.height - 0.1, -cab.depth / 2 + 0.1)
  camera.lookAt(-side * cab.width * 0.08, 0.62, cab.depth * 0.16)
  camera.rotateZ(random.normal() * 0.03)
  return camera
}

/** Anywhere around an object in the origin, mostly from above, near enough that the lens bends it. */
export function roundView(random: Random, aspect: number): THREE.PerspectiveCamera {
  const elevation = random.chance(0.75) ? random.range(0.35, 1.25) : random.range(-0.05, 0.5)
  const bearing = random.range(0, Math.PI * 2)
  const far = random.range(1.5, 3.6)
  const target = new THREE.Vector3(random.normal() * 0.12, random.range(0.45, 0.8), random.normal() * 0.12)
  const spread = Math.min(100, ((2.3 * 180) / Math.PI) * Math.atan(1 / far) * random.range(0.75, 1.15))
  const camera = new THREE.PerspectiveCamera(spread, aspect, 0.04, 12)
  camera.position.set(
    target.x + far * Math.cos(elevation) * Math.cos(bearing),
    target.y + far * Math.sin(elevation),
    target.z + far * Math.cos(elevation) * Math.sin(bearing),
  )
  camera.lookAt(target)
  camera.rotateZ(random.normal() * 0.15)
  return camera
}
