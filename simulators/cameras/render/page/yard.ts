import * as THREE from 'three'
import type { Cab } from './cab.ts'
import { matt } from './paint.ts'
import { Part, weld } from './part.ts'
import type { Random } from './random.ts'
import { drawn, floorTexture, posterTexture } from './texture.ts'

/** Sky, hedges, façades, clutter: nothing in particular, in any colour. */
function backdrop(random: Random): THREE.Texture {
  return drawn(512, 128, (pen, w, h) => {
    const horizon = random.range(0.45, 0.8) * h
    const sky = pen.createLinearGradient(0, 0, 0, h)
    sky.addColorStop(0, `hsl(${random.range(180, 240)},${random.range(0, 60)}%,${random.range(55, 98)}%)`)
    sky.addColorStop(1, `hsl(${random.range(0, 360)},${random.range(0, 40)}%,${random.range(30, 90)}%)`)
    pen.fillStyle = sky
    pen.fillRect(0, 0, w, h)
    for (let i = 0; i < random.int(20, 160); i++) {
      const green = random.chance(0.4)
      pen.fillStyle = `hsla(${green ? random.range(70, 140) : random.range(0, 360)},${random.range(5, 60)}%,${random.range(10, 90)}%,${random.range(0.3, 1)})`
      const x = random.next() * w
      const y = horizon + random.normal() * h * 0.15
      if (random.chance(0.5)) pen.fillRect(x, y - random.range(0, 60), random.range(2, 50), random.range(10, 90))
      else {
        pen.beginPath()
        pen.ellipse(x, y, random.range(3, 30), random.range(3, 20), 0, 0, 7)
        pen.fill()
      }
    }
  })
}

/**
 * Open ground with a backdrop instead of a cab: the same vehicles at eye level and in daylight. A detector that has
 * seen them only from a ceiling takes every wheelchair in a lobby for an e-bike.
 */
export function createYard(random: Random): Cab {
  const part = new Part()
  const ground = floorTexture(random)
  ground.repeat.set(6, 6)
  const scene = backdrop(random)
  const poster = posterTexture(random)
  part.add(
    new THREE.PlaneGeometry(14, 14),
    new THREE.MeshLambertMaterial({ map: ground }),
    [0, 0, 0],
    [-Math.PI / 2, 0, 0],
  ).userData.own = true
  const round = new THREE.MeshBasicMaterial({ map: scene, side: THREE.BackSide })
  const ring = part.add(new THREE.CylinderGeometry(6.5, 6.5, 6, 24, 1, true), round, [0, 2.8, 0])
  ring.userData.own = true
  const sky = new THREE.Color().setHSL(random.range(0.5, 0.65), random.range(0, 0.5), random.range(0.6, 1))
  part.add(
    new THREE.CircleGeometry(7, 16),
    new THREE.MeshBasicMaterial({ color: sky }),
    [0, 5.6, 0],
    [Math.PI / 2, 0, 0],
  ).userData.own = true
  for (let i = 0; i < random.int(0, 4); i++) {
    const angle = random.range(0, 6.28)
    const far = random.range(2.6, 5)
    part.add(
      new THREE.PlaneGeometry(random.range(0.4, 2), random.range(0.5, 2.5)),
      random.chance(0.6) ? matt(0xffffff, poster) : matt(new THREE.Color().setHSL(random.next(), 0.3, random.next())),
      [Math.cos(angle) * far, random.range(0.4, 1.6), Math.sin(angle) * far],
      [0, -angle - Math.PI / 2, 0],
    ).userData.own = true
  }
  weld(part.group)
  return {
    group: part.group,
    width: 2.8,
    depth: 2.8,
    height: 3,
    doorCenter: 0,
    doorWidth: 0,
    doorHeight: 0,
    reflects: 0,
    setDoor() {},
    dispose() {
      for (const texture of [ground, scene, poster]) texture.dispose()
    },
  }
}

/** A passer-by's or a wall camera's view of the yard. */
export function yardView(random: Random, aspect: number): THREE.PerspectiveCamera {
  const angle = random.range(0, Math.PI * 2)
  const distance = random.range(2, 4.2)
  const camera = new THREE.PerspectiveCamera(random.range(38, 62), aspect, 0.05, 20)
  camera.position.set(Math.cos(angle) * distance, random.range(0.8, 2.6), Math.sin(angle) * distance)
  camera.lookAt(random.normal() * 0.25, random.range(0.45, 0.95), random.normal() * 0.25)
  camera.rotateZ(random.normal() * 0.06)
  return camera
}
