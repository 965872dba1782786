import * as THREE from 'three'
import type { Random } from './random.ts'

/** What glossy things reflect: a bright ceiling panel above grey walls and a dark floor. */
function surroundings(): THREE.CubeTexture {
  const faces = ['wall', 'wall', 'ceiling', 'floor', 'door', 'wall'].map((face) => {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 32
    const pen = canvas.getContext('2d')!
    const gradient = pen.createLinearGradient(0, 0, 0, 32)
    gradient.addColorStop(0, face === 'floor' ? '#3a3632' : '#d8d8d4')
    gradient.addColorStop(1, face === 'ceiling' ? '#c8c8c4' : '#4a4846')
    pen.fillStyle = gradient
    pen.fillRect(0, 0, 32, 32)
    if (face === 'ceiling') {
      pen.fillStyle = '#ffffff'
      pen.fillRect(4, 6, 10, 20)
      pen.fillRect(18, 6, 10, 20)
    }
    if (face === 'door') {
      pen.fillStyle = '#202428'
      pen.fillRect(9, 8, 14, 24)
    }
    return canvas
  })
  const texture = new THREE.CubeTexture(faces)
  texture.needsUpdate = true
  return texture
}

let reflections: THREE.CubeTexture | undefined

function mirrored(): THREE.CubeTexture {
  reflections ??= surroundings()
  return reflections
}

/** Painted plastic or lacquer; `gloss` 0 (matt) to 1 (new). */
export function plastic(color: THREE.ColorRepresentation, gloss = 0.5): THREE.Material {
  return new THREE.MeshPhongMaterial({
    color,
    envMap: mirrored(),
    combine: THREE.MixOperation,
    reflectivity: 0.06 + 0.22 * gloss,
    shininess: 10 + 90 * gloss,
    specular: new THREE.Color(0.1 + 0.5 * gloss, 0.1 + 0.5 * gloss, 0.1 + 0.5 * gloss),
    side: THREE.DoubleSide,
  })
}

/** Chrome, aluminium, steel. */
export function metal(color: THREE.ColorRepresentation, shine = 0.5): THREE.Material {
  return new THREE.MeshPhongMaterial({
    color,
    envMap: mirrored(),
    combine: THREE.MixOperation,
    reflectivity: 0.25 + 0.5 * shine,
    shininess: 60,
    specular: 0x888888,
    side: THREE.DoubleSide,
  })
}

/** Cloth, rubber, skin: no reflections. */
export function matt(color: THREE.ColorRepresentation, map?: THREE.Texture): THREE.Material {
  return new THREE.MeshLambertMaterial({ color, side: THREE.DoubleSide, ...(map ? { map } : {}) })
}

/** Lamps and reflectors. */
export function glow(color: THREE.ColorRepresentation): THREE.Material {
  return new THREE.MeshBasicMaterial({ color })
}

export function tyreBlack(random: Random): THREE.Material {
  return matt(new THREE.Color().setHSL(0.08, 0.05, random.range(0.05, 0.14)))
}

/** Vehicle colours as they are sold: much black, white, grey, then strong colours. */
export function vehicleColor(random: Random): THREE.Color {
  const kind = random.weighted({ black: 40, grey: 16, white: 16, strong: 28, pastel: 10 })
  if (kind === 'black') return new THREE.Color().setHSL(random.next(), 0.08, random.range(0.03, 0.12))
  if (kind === 'grey') return new THREE.Color().setHSL(random.next(), 0.05, random.range(0.2, 0.55))
  if (kind === 'white') return new THREE.Color().setHSL(random.next(), 0.08, random.range(0.75, 0.95))
  const hue = random.pick([0, 0.02, 0.58, 0.62, 0.08, 0.14, 0.35, 0.92, 0.75, 0.48])
  if (kind === 'strong') return new THREE.Color().setHSL(hue, random.range(0.6, 0.95), random.range(0.25, 0.5))
  return new THREE.Color().setHSL(hue, random.range(0.35, 0.7), random.range(0.6, 0.8))
}

/** Clothes: any colour, often dark or white. */
export function clothColor(random: Random): THREE.Color {
  const kind = random.weighted({ dark: 40, light: 20, any: 40 })
  if (kind === 'dark')
    return new THREE.Color().setHSL(random.range(0.5, 0.75), random.range(0, 0.4), random.range(0.04, 0.2))
  if (kind === 'light') return new THREE.Color().setHSL(random.next(), random.range(0, 0.3), random.range(0.7, 0.95))
  return new THREE.Color().setHSL(random.next(), random.range(0.2, 0.9), random.range(0.2, 0.65))
}
