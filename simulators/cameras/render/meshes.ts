import { readFile } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { labels } from './studio.ts'

const Axis = Type.Union(['x', '-x', 'y', '-y', 'z', '-z'].map((axis) => Type.Literal(axis)))

const Entry = Type.Object({
  file: Type.String({ description: 'OBJ (with its MTL and textures beside it) or GLB, relative to the manifest' }),
  label: Type.Union([...labels, 'clutter'].map((label) => Type.Literal(label))),
  length: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: 'metres along its way of driving' })),
  height: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: 'metres from the floor to its top' })),
  up: Type.Union([Type.Literal('y'), Type.Literal('z')]),
  forward: Axis,
  source: Type.String({ description: 'who made it and where it comes from' }),
  licence: Type.String(),
})
const Manifest = Type.Array(Entry)

/** A mesh as the page takes it; page/mesh.ts has the fields. */
export type MeshSource = {
  name: string
  label: string
  length?: number
  height?: number
  up: string
  forward: string
  obj?: string
  mtl?: string
  glb?: string
  textures: Record<string, string>
}

const imageTypes: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.bmp': 'image/bmp',
  '.webp': 'image/webp',
}

/** Base names that a material file asks for. */
function texturesOf(mtl: string): string[] {
  const names = new Set<string>()
  for (const line of mtl.split('\n')) {
    const name = /^\s*map_\w+\s+(?:-\w+\s+[\d.\s-]+)*(.+?)\s*$/i.exec(line)?.[1]
    if (name) names.add(basename(name.replace(/\\/g, '/')))
  }
  return [...names]
}

async function readMesh(folder: string, entry: Static<typeof Entry>): Promise<MeshSource> {
  const path = join(folder, entry.file)
  const { file, label, up, forward, length, height } = entry
  const source: MeshSource = {
    name: file,
    label: String(label),
    up,
    forward: String(forward),
    textures: {},
    ...(length === undefined ? {} : { length }),
    ...(height === undefined ? {} : { height }),
  }
  if (extname(file).toLowerCase() === '.glb') return { ...source, glb: (await readFile(path)).toString('base64') }
  source.obj = await readFile(path, 'utf8')
  const library = /^mtllib\s+(.+?)\s*$/m.exec(source.obj)?.[1]
  if (!library) return source
  source.mtl = await readFile(join(dirname(path), library), 'utf8')
  for (const name of texturesOf(source.mtl)) {
    const type = imageTypes[extname(name).toLowerCase()]
    if (!type) continue
    const bytes = await readFile(join(dirname(path), name)).catch(() => undefined)
    // A material without its picture keeps its colour.
    if (bytes) source.textures[name.toLowerCase()] = `data:${type};base64,${bytes.toString('base64')}`
  }
  return source
}

/**
 * Reads a folder of meshes: `manifest.json` is a list of `{file, label, length | height, up, forward, source, licence}`;
 * `label` is a class of the detector or `clutter`, `up` and `forward` are axes of the file. Throws with the place and
 * the cure where the manifest is wrong or a file is missing.
 */
export async function readMeshes(folder: string): Promise<MeshSource[]> {
  const path = join(folder, 'manifest.json')
  const parsed: unknown = JSON.parse(await readFile(path, 'utf8'))
  if (!Value.Check(Manifest, parsed)) {
    const first = Value.Errors(Manifest, parsed)[0]
    throw new Error(`${path}${first?.instancePath ?? ''}: ${first?.message ?? 'is no list of meshes'}`)
  }
  return Promise.all(parsed.map((entry) => readMesh(folder, entry)))
}
