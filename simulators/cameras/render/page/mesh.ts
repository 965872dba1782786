import * as THREE from 'three'
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js'
import { MTLLoader } from 'three/addons/loaders/MTLLoader.js'
import { OBJLoader } from 'three/addons/loaders/OBJLoader.js'
import { addOns, dress } from './e-bike-parts.ts'
import { clothColor, matt, metal, plastic, vehicleColor } from './paint.ts'
import { Part, type Point } from './part.ts'
import type { Random } from './random.ts'
import type { Label, Vehicle } from './vehicle.ts'

/** A mesh that somebody modelled: what is in its file, and what the manifest beside it says. */
export type MeshSource = {
  name: string
  label: Label | 'clutter'
  /** Metres along its way of driving (vehicles) or from floor to top (persons, clutter). */
  length?: number
  height?: number
  up: 'y' | 'z'
  forward: 'x' | '-x' | 'y' | '-y' | 'z' | '-z'
  obj?: string
  mtl?: string
  /** Base64. */
  glb?: string
  /** Data URLs by the names that the material file uses. */
  textures: Record<string, string>
}

type Surface = { geometry: THREE.BufferGeometry; material: THREE.Material; area: number }

/** Lying in its own axes as everything here: x forward, y up, metres, the origin on the floor in the middle. */
export type Model = {
  readonly label: Label | 'clutter'
  readonly name: string
  readonly surfaces: readonly Surface[]
  readonly size: THREE.Vector3
  readonly grips: readonly [Point, Point]
  readonly seat: Point
}

const axes = {
  x: new THREE.Vector3(1, 0, 0),
  '-x': new THREE.Vector3(-1, 0, 0),
  y: new THREE.Vector3(0, 1, 0),
  '-y': new THREE.Vector3(0, -1, 0),
  z: new THREE.Vector3(0, 0, 1),
  '-z': new THREE.Vector3(0, 0, -1),
}

async function parse(source: MeshSource): Promise<THREE.Object3D> {
  if (source.glb) {
    const bytes = Uint8Array.from(atob(source.glb), (c) => c.charCodeAt(0))
    return (await new GLTFLoader().parseAsync(bytes.buffer, '')).scene
  }
  const loader = new OBJLoader()
  const waiting: Promise<void>[] = []
  if (source.mtl) {
    const manager = new THREE.LoadingManager()
    manager.setURLModifier((url) => source.textures[url.replace(/\\/g, '/').split('/').pop()!.toLowerCase()] ?? url)
    waiting.push(
      new Promise((resolve) => {
        manager.onLoad = () => resolve()
        manager.onError = () => resolve()
        const materials = new MTLLoader(manager).parse(source.mtl!, '')
        materials.preload()
        loader.setMaterials(materials)
        if (Object.keys(source.textures).length === 0) resolve()
      }),
    )
  }
  const object = loader.parse(source.obj!)
  await Promise.all(waiting)
  return object
}

/** One piece per material, in world axes, not indexed. */
function pieces(root: THREE.Object3D): { geometry: THREE.BufferGeometry; material: THREE.Material }[] {
  root.updateMatrixWorld(true)
  const found: { geometry: THREE.BufferGeometry; material: THREE.Material }[] = []
  root.traverse((node) => {
    if (!(node instanceof THREE.Mesh)) return
    const whole: THREE.BufferGeometry = node.geometry.index ? node.geometry.toNonIndexed() : node.geometry.clone()
    whole.applyMatrix4(node.matrixWorld)
    const materials: THREE.Material[] = Array.isArray(node.material) ? node.material : [node.material]
    const count = whole.attributes.position!.count
    const groups = Array.isArray(node.material) ? whole.groups : [{ start: 0, count, materialIndex: 0 }]
    for (const group of groups) {
      const geometry = new THREE.BufferGeometry()
      const end = Math.min(group.start + group.count, count)
      for (const [name, size] of [
        ['position', 3],
        ['normal', 3],
        ['uv', 2],
      ] as const) {
        const from = whole.attributes[name]
        const values = new Float32Array((end - group.start) * size)
        if (from instanceof THREE.BufferAttribute) values.set(from.array.subarray(group.start * size, end * size))
        geometry.setAttribute(name, new THREE.BufferAttribute(values, size))
      }
      if (!whole.attributes.normal) geometry.computeVertexNormals()
      found.push({ geometry, material: materials[group.materialIndex ?? 0]! })
    }
  })
  return found
}

function area(geometry: THREE.BufferGeometry): number {
  const position = geometry.attributes.position!
  const [a, b, c] = [new THREE.Vector3(), new THREE.Vector3(), new THREE.Vector3()]
  let sum = 0
  for (let i = 0; i + 2 < position.count; i += 3) {
    a.fromBufferAttribute(position, i)
    b.fromBufferAttribute(position, i + 1).sub(a)
    c.fromBufferAttribute(position, i + 2).sub(a)
    sum += b.cross(c).length() / 2
  }
  return sum
}

/** Reads a mesh and lays it as the manifest says. Throws where there is nothing to see in it. */
export async function readModel(source: MeshSource): Promise<Model> {
  const parts = pieces(await parse(source))
  const forward = axes[source.forward]
  const up = axes[source.up]
  const turn = new THREE.Matrix4().makeBasis(forward, up, forward.clone().cross(up)).transpose()
  const box = new THREE.Box3()
  for (const { geometry } of parts) {
    geometry.applyMatrix4(turn)
    geometry.computeBoundingBox()
    box.union(geometry.boundingBox!)
  }
  const extent = box.getSize(new THREE.Vector3())
  if (parts.length === 0 || !(extent.y > 0)) throw new Error(`${source.name}: no triangles`)
  const scale = source.length ? source.length / extent.x : (source.height ?? 1) / extent.y
  const centre = box.getCenter(new THREE.Vector3())
  const place = new THREE.Matrix4()
    .makeScale(scale, scale, scale)
    .multiply(new THREE.Matrix4().makeTranslation(-centre.x, -box.min.y, -centre.z))
  const byMaterial = new Map<THREE.Material, THREE.BufferGeometry[]>()
  for (const { geometry, material } of parts) {
    geometry.applyMatrix4(place)
    const list = byMaterial.get(material)
    if (list) list.push(geometry)
    else byMaterial.set(material, [geometry])
  }
  const surfaces = [...byMaterial].map(([material, list]) => {
    const geometry = joined(list)
    return { geometry, material, area: area(geometry) }
  })
  const size = extent.multiplyScalar(scale)
  return { label: source.label, name: source.name, surfaces, size, ...holds(surfaces, size) }
}

function joined(list: readonly THREE.BufferGeometry[]): THREE.BufferGeometry {
  const whole = new THREE.BufferGeometry()
  for (const [name, size] of [
    ['position', 3],
    ['normal', 3],
    ['uv', 2],
  ] as const) {
    const values = new Float32Array(list.reduce((sum, g) => sum + g.attributes.position!.count, 0) * size)
    let at = 0
    for (const geometry of list) {
      values.set(geometry.attributes[name]!.array, at)
      at += geometry.attributes[name]!.array.length
    }
    whole.setAttribute(name, new THREE.BufferAttribute(values, size))
  }
  return whole
}

/** Where hands and hips go: the widest point of the upper front half (or rear, for what is pushed), the saddle's top. */
function holds(surfaces: readonly Surface[], size: THREE.Vector3): { grips: [Point, Point]; seat: Point } {
  let [gx, gy, gz] = [size.x * 0.2, size.y * 0.8, 0.05]
  let seat = 0
  for (const { geometry } of surfaces) {
    const { array } = geometry.attributes.position!
    for (let i = 0; i < array.length; i += 3) {
      const [x, y, z] = [array[i]!, array[i + 1]!, array[i + 2]!]
      if (x > 0 && y > size.y * 0.65 && y < size.y * 0.9 && Math.abs(z) > gz) [gx, gy, gz] = [x, y, Math.abs(z)]
      if (x > -0.22 * size.x && x < 0 && Math.abs(z) < 0.12 && y < size.y * 0.85) seat = Math.max(seat, y)
    }
  }
  const half = Math.min(gz, 0.36)
  return {
    grips: [
      [gx, gy, -half],
      [gx, gy, half],
    ],
    seat: [-0.12 * size.x, seat || size.y * 0.6, 0],
  }
}

function isDark(color: THREE.Color): boolean {
  return color.r + color.g + color.b < 0.45
}

/** The picture of a texture with its hues turned: one model becomes many. */
function recoloured(texture: THREE.Texture, random: Random): THREE.Texture {
  const image = texture.image as HTMLImageElement | undefined
  if (!image?.width) return texture
  const canvas = document.createElement('canvas')
  canvas.width = Math.min(512, image.width)
  canvas.height = Math.min(512, image.height)
  const pen = canvas.getContext('2d')!
  pen.filter = `hue-rotate(${random.int(0, 359)}deg) saturate(${random.range(0.2, 1.6).toFixed(2)}) brightness(${random.range(0.45, 1.35).toFixed(2)})`
  pen.drawImage(image, 0, 0, canvas.width, canvas.height)
  const copy = new THREE.CanvasTexture(canvas)
  copy.wrapS = copy.wrapT = THREE.RepeatWrapping
  copy.flipY = texture.flipY
  return copy
}

function surfacePaint(surface: Surface, random: Random, color: THREE.Color, gloss: number): THREE.Material {
  const from = surface.material as THREE.MeshPhongMaterial
  const shiny = (from.shininess ?? 0) > 60 || gloss > 0.8
  const paint = from.map ? matt(0xffffff, from.map) : shiny ? metal(color, gloss) : plastic(color, gloss)
  if (from.map && random.chance(0.75)) {
    const map = recoloured(from.map, random)
    if (map !== from.map) {
      ;(paint as THREE.MeshLambertMaterial).map = map
      paint.userData.own = true
    }
  }
  paint.transparent = from.transparent || from.opacity < 1
  paint.opacity = Math.max(0.35, from.opacity)
  if (from.map && paint.transparent) paint.alphaTest = 0.3
  return paint
}

/**
 * A copy of a model in other colours and proportions: its largest coloured surface is lacquered anew, the others a
 * little, dark ones (tyres, seats) mostly stay dark.
 */
export function dressModel(model: Model, random: Random, stretch: THREE.Vector3): Part {
  const part = new Part()
  const lacquer = vehicleColor(random)
  const gloss = random.range(0.1, 1)
  const largest = [...model.surfaces].sort((a, b) => b.area - a.area)
  const coloured = largest.filter((s) => {
    const { color } = s.material as THREE.MeshPhongMaterial
    return color && !isDark(color)
  })
  const keep = random.chance(0.12)
  for (const surface of model.surfaces) {
    const own = (surface.material as THREE.MeshPhongMaterial).color ?? new THREE.Color(0.5, 0.5, 0.5)
    const rank = coloured.indexOf(surface)
    let color = own.clone()
    if (!keep) {
      if (rank === 0 || (rank === 1 && random.chance(0.4))) color = lacquer
      else if (rank > 0 && random.chance(0.5)) color = random.chance(0.5) ? vehicleColor(random) : clothColor(random)
      else color.offsetHSL(random.normal() * 0.02, random.normal() * 0.05, random.normal() * 0.05)
      if (isDark(own)) color.offsetHSL(0, 0, random.range(0.0, 0.08))
    }
    const mesh = part.add(surface.geometry, surfacePaint(surface, random, color, gloss))
    mesh.scale.copy(stretch)
  }
  return part
}

function proportions(random: Random, spread: number): THREE.Vector3 {
  const all = 1 + random.normal() * spread * 0.5
  return new THREE.Vector3(
    all * (1 + random.normal() * spread),
    all * (1 + random.normal() * spread),
    all * (1 + random.normal() * spread * 1.2),
  )
}

function scaled(point: Point, by: THREE.Vector3): Point {
  return [point[0] * by.x, point[1] * by.y, point[2] * by.z]
}

/** A vehicle from a model, with the boxes, baskets, quilts and plates that people bolt on to mopeds. */
export function modelVehicle(model: Model, random: Random): Vehicle {
  const label = model.label as Exclude<Label, 'person'>
  const stretch = proportions(random, 0.07)
  const part = dressModel(model, random, stretch)
  const size = model.size.clone().multiply(stretch)
  const grips = [scaled(model.grips[0], stretch), scaled(model.grips[1], stretch)] as const
  const seat = scaled(model.seat, stretch)
  if (label === 'e-bike' && random.chance(0.8))
    addOns(part, random, dress(random), -0.3 * size.x, seat[1] - 0.04, [grips[0][0] + 0.04, grips[0][1] - 0.02])
  const ridden = label === 'e-bike' || label === 'bicycle'
  return {
    label,
    group: part.group,
    length: size.x,
    width: Math.min(size.z, 0.8),
    grips: ridden
      ? grips
      : [
          [-size.x / 2, size.y * 0.95, -size.z * 0.4],
          [-size.x / 2, size.y * 0.95, size.z * 0.4],
        ],
    ...(label === 'e-bike'
      ? {
          seat: [seat[0], seat[1] + 0.06, 0] as Point,
          feet: [
            [0.12, size.y * 0.24, -0.13],
            [0.12, size.y * 0.24, 0.13],
          ] as [Point, Point],
        }
      : label === 'wheelchair'
        ? { seat: [0, size.y * 0.58, 0] as Point }
        : {}),
    pusher: ridden ? [0.05, 0, -0.45] : [-size.x / 2 - 0.35, 0, 0],
  }
}

/** Somebody or something that stands there as it was modelled. */
export function modelFigure(model: Model, random: Random): THREE.Group {
  return dressModel(model, random, proportions(random, 0.04)).group
}
