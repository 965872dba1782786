import * as THREE from 'three'
import { RoundedBoxGeometry } from 'three/addons/geometries/RoundedBoxGeometry.js'

export type Point = readonly [number, number, number]

const unitBox = new THREE.BoxGeometry(1, 1, 1)
const unitRounded = new RoundedBoxGeometry(1, 1, 1, 1, 0.2)
const unitBall = new THREE.SphereGeometry(1, 14, 9)
const smallBall = new THREE.SphereGeometry(1, 8, 5)
const unitDome = new THREE.SphereGeometry(1, 14, 5, 0, Math.PI * 2, 0, Math.PI / 2)
const unitCylinder = new THREE.CylinderGeometry(1, 1, 1, 10, 1, true)
const thinBar = new THREE.CylinderGeometry(1, 1, 1, 5, 1, true)
const wheelDisc = new THREE.CylinderGeometry(1, 1, 1, 16, 1)
const tyres = new Map<string, THREE.TorusGeometry>()
const up = new THREE.Vector3(0, 1, 0)

function tyre(thickness: number): THREE.TorusGeometry {
  const key = thickness.toFixed(2)
  let geometry = tyres.get(key)
  if (!geometry) {
    geometry = new THREE.TorusGeometry(1 - thickness, thickness, 6, 18)
    tyres.set(key, geometry)
  }
  return geometry
}

/**
 * Puts simple solids together into one object. Axes of every object: x forward, y up, z to its right; metres.
 * The unit geometries are shared by all objects, so building and dropping objects costs no GPU memory.
 */
export class Part {
  readonly group = new THREE.Group()

  add(geometry: THREE.BufferGeometry, material: THREE.Material, at: Point = [0, 0, 0], turn: Point = [0, 0, 0]) {
    const mesh = new THREE.Mesh(geometry, material)
    mesh.position.set(...at)
    mesh.rotation.set(...turn)
    this.group.add(mesh)
    return mesh
  }

  box(material: THREE.Material, size: Point, at: Point, turn?: Point) {
    const mesh = this.add(unitBox, material, at, turn)
    mesh.scale.set(...size)
    return mesh
  }

  rounded(material: THREE.Material, size: Point, at: Point, turn?: Point) {
    const mesh = this.add(unitRounded, material, at, turn)
    mesh.scale.set(...size)
    return mesh
  }

  ball(material: THREE.Material, radii: Point, at: Point, turn?: Point) {
    const mesh = this.add(Math.max(...radii) < 0.06 ? smallBall : unitBall, material, at, turn)
    mesh.scale.set(...radii)
    return mesh
  }

  dome(material: THREE.Material, radii: Point, at: Point, turn?: Point) {
    const mesh = this.add(unitDome, material, at, turn)
    mesh.scale.set(...radii)
    return mesh
  }

  /** A round bar between two points. */
  bar(material: THREE.Material, from: Point, to: Point, radius: number) {
    const a = new THREE.Vector3(...from)
    const b = new THREE.Vector3(...to)
    const mesh = this.add(radius < 0.016 ? thinBar : unitCylinder, material)
    mesh.position.copy(a).add(b).multiplyScalar(0.5)
    const along = b.clone().sub(a)
    mesh.scale.set(radius, along.length(), radius)
    mesh.quaternion.setFromUnitVectors(up, along.normalize())
    return mesh
  }

  /** A bar with round ends: limbs. */
  limb(material: THREE.Material, from: Point, to: Point, radius: number) {
    this.bar(material, from, to, radius)
    this.ball(material, [radius, radius, radius], from)
    this.ball(material, [radius, radius, radius], to)
  }

  /** A bent pipe through several points. */
  pipe(material: THREE.Material, points: readonly Point[], radius: number) {
    for (let i = 1; i < points.length; i++) this.bar(material, points[i - 1]!, points[i]!, radius)
  }

  /** A wheel standing upright, rolling along x; `width` is the tyre's. */
  wheel(rubber: THREE.Material, hub: THREE.Material, at: Point, radius: number, width: number, hubShare: number) {
    const thickness = Math.min(0.3, width / 2 / radius)
    const ring = this.add(tyre(thickness), rubber, at)
    ring.scale.set(radius, radius, width / 2 / thickness)
    if (hubShare > 0) {
      const disc = this.add(wheelDisc, hub, at, [Math.PI / 2, 0, 0])
      disc.scale.set(radius * hubShare, width * 0.9, radius * hubShare)
    }
  }

  /** Thin spokes for a wheel. */
  spokes(material: THREE.Material, at: Point, radius: number, count: number, thickness: number) {
    for (let i = 0; i < count; i++) {
      const angle = (i / count) * Math.PI
      const x = Math.cos(angle) * radius
      const y = Math.sin(angle) * radius
      this.bar(material, [at[0] - x, at[1] - y, at[2]], [at[0] + x, at[1] + y, at[2]], thickness)
    }
  }

  /** A side profile (x, y pairs) given thickness along z, with soft edges. */
  profile(material: THREE.Material, points: readonly (readonly [number, number])[], width: number, soft = 0.03) {
    const shape = new THREE.Shape()
    const curve = points.map(([x, y]) => new THREE.Vector2(x, y))
    shape.setFromPoints(new THREE.SplineCurve([...curve, curve[0]!]).getPoints(points.length * 3))
    const geometry = new THREE.ExtrudeGeometry(shape, {
      depth: Math.max(0.01, width - 2 * soft),
      bevelEnabled: true,
      bevelThickness: soft,
      bevelSize: soft,
      bevelSegments: 2,
      steps: 1,
    })
    geometry.translate(0, 0, -Math.max(0.01, width - 2 * soft) / 2)
    const mesh = this.add(geometry, material)
    mesh.userData.own = true
    return mesh
  }

  /** Faceted panels between cross-sections of equally many points each: fairings, beaks, pointed tails. */
  shell(material: THREE.Material, sections: readonly (readonly Point[])[]) {
    const corners: number[] = []
    for (let i = 1; i < sections.length; i++) {
      const [above, below] = [sections[i - 1]!, sections[i]!]
      for (let k = 1; k < above.length; k++) {
        const [a, b, c, d] = [above[k - 1]!, above[k]!, below[k]!, below[k - 1]!]
        corners.push(...a, ...d, ...c, ...a, ...c, ...b)
      }
    }
    const geometry = new THREE.BufferGeometry()
    geometry.setAttribute('position', new THREE.Float32BufferAttribute(corners, 3))
    geometry.setAttribute('uv', new THREE.Float32BufferAttribute(new Float32Array((corners.length / 3) * 2), 2))
    // Without an index every facet has its own corners, and so its own flat normal.
    geometry.computeVertexNormals()
    const mesh = this.add(geometry, material)
    mesh.userData.own = true
    return mesh
  }

  /** A fender or shell: part of a ring around z. Angles in radians from +x, counter-clockwise. */
  arc(material: THREE.Material, at: Point, radius: number, width: number, start: number, length: number) {
    const geometry = new THREE.CylinderGeometry(radius, radius, width, 14, 1, true, start + Math.PI / 2, length)
    geometry.rotateX(Math.PI / 2)
    const mesh = this.add(geometry, material, at)
    mesh.userData.own = true
    return mesh
  }
}

/**
 * Bakes an object's many solids into one mesh with a range per material: on a CPU rasteriser draw calls, not
 * triangles, are what a picture costs. Meshes in `apart` stay as they are.
 */
export function weld(group: THREE.Group, apart: readonly THREE.Object3D[] = []): void {
  group.updateMatrixWorld(true)
  const home = group.matrixWorld.clone().invert()
  const parts: THREE.Mesh<THREE.BufferGeometry, THREE.Material>[] = []
  group.traverse((node) => {
    if (node instanceof THREE.Mesh && node.visible && !apart.includes(node)) parts.push(node)
  })
  parts.sort((a, b) => a.material.id - b.material.id)
  let vertices = 0
  let corners = 0
  for (const { geometry } of parts) {
    vertices += geometry.attributes.position!.count
    corners += geometry.index ? geometry.index.count : geometry.attributes.position!.count
  }
  const position = new Float32Array(vertices * 3)
  const normal = new Float32Array(vertices * 3)
  const uv = new Float32Array(vertices * 2)
  const index = new Uint32Array(corners)
  const welded = new THREE.BufferGeometry()
  const materials: THREE.Material[] = []
  const matrix = new THREE.Matrix4()
  const turn = new THREE.Matrix3()
  const v = new THREE.Vector3()
  let vertex = 0
  let corner = 0
  for (const part of parts) {
    const { geometry } = part
    const from = geometry.attributes as Record<'position' | 'normal' | 'uv', THREE.BufferAttribute>
    const count = from.position.count
    matrix.multiplyMatrices(home, part.matrixWorld)
    turn.getNormalMatrix(matrix)
    for (let i = 0; i < count; i++) {
      v.fromBufferAttribute(from.position, i)
        .applyMatrix4(matrix)
        .toArray(position, (vertex + i) * 3)
      v.fromBufferAttribute(from.normal, i)
        .applyMatrix3(turn)
        .normalize()
        .toArray(normal, (vertex + i) * 3)
    }
    uv.set(from.uv.array.subarray(0, count * 2), vertex * 2)
    const length = geometry.index ? geometry.index.count : count
    for (let i = 0; i < length; i++) index[corner + i] = vertex + (geometry.index ? geometry.index.getX(i) : i)
    const last = welded.groups[welded.groups.length - 1]
    if (last && materials[materials.length - 1] === part.material) last.count += length
    else {
      materials.push(part.material)
      welded.addGroup(corner, length, materials.length - 1)
    }
    vertex += count
    corner += length
    if (part.userData.own) geometry.dispose()
    part.removeFromParent()
  }
  welded.setAttribute('position', new THREE.BufferAttribute(position, 3))
  welded.setAttribute('normal', new THREE.BufferAttribute(normal, 3))
  welded.setAttribute('uv', new THREE.BufferAttribute(uv, 2))
  welded.setIndex(new THREE.BufferAttribute(index, 1))
  const mesh = new THREE.Mesh(welded, materials)
  mesh.userData.own = true
  group.add(mesh)
}

/** Frees what an object built for itself; shared geometries stay. */
export function release(root: THREE.Object3D): void {
  root.traverse((node) => {
    if (!(node instanceof THREE.Mesh)) return
    if (node.userData.own) node.geometry.dispose()
    for (const material of Array.isArray(node.material) ? node.material : [node.material])
      if (material.userData.own) material.map?.dispose()
  })
  root.removeFromParent()
}
