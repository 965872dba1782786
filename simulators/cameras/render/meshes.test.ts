import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import { readMeshes } from './meshes.ts'
import { type Shot, Studio } from './studio.ts'

/** A block of 2 × 1 × 0.5 file units, as a modeller would save it lying on its side. */
const block = `mtllib block.mtl
v 0 0 0\nv 2 0 0\nv 2 0.5 0\nv 0 0.5 0\nv 0 0 1\nv 2 0 1\nv 2 0.5 1\nv 0 0.5 1
usemtl lacquer
f 1 2 3 4\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8
`

/** The smallest binary glTF: one tetrahedron of metre size. */
function tetrahedron(): Buffer {
  const corners = [0, 0, 0, 1, 0, 0, 0, 0, 1, 0.3, 1, 0.3].reduce<number[][]>((all, value, i) => {
    if (i % 3 === 0) all.push([])
    all[all.length - 1]!.push(value)
    return all
  }, [])
  const points = [0, 1, 2, 0, 1, 3, 1, 2, 3, 2, 0, 3].flatMap((i) => corners[i]!)
  const binary = Buffer.from(new Float32Array(points).buffer)
  const json = JSON.stringify({
    asset: { version: '2.0' },
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ mesh: 0 }],
    meshes: [{ primitives: [{ attributes: { POSITION: 0 } }] }],
    accessors: [{ bufferView: 0, componentType: 5126, count: 12, type: 'VEC3', min: [0, 0, 0], max: [1, 1, 1] }],
    bufferViews: [{ buffer: 0, byteLength: binary.length }],
    buffers: [{ byteLength: binary.length }],
  })
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 4) * 4))
  const chunk = (type: number, data: Buffer) => {
    const head = Buffer.alloc(8)
    head.writeUInt32LE(data.length, 0)
    head.writeUInt32LE(type, 4)
    return Buffer.concat([head, data])
  }
  const body = Buffer.concat([chunk(0x4e4f534a, text), chunk(0x004e4942, binary)])
  const head = Buffer.alloc(12)
  head.write('glTF', 0)
  head.writeUInt32LE(2, 4)
  head.writeUInt32LE(body.length + 12, 8)
  return Buffer.concat([head, body])
}

async function folder(t: Test, manifest: unknown): Promise<string> {
  const path = t.testdir()
  await mkdir(join(path, 'own'), { recursive: true })
  await writeFile(join(path, 'own', 'block.obj'), block)
  await writeFile(join(path, 'own', 'block.mtl'), 'newmtl lacquer\nKd 0.8 0.1 0.1\nmap_Kd gone.png\n')
  await writeFile(join(path, 'own', 'thing.glb'), tetrahedron())
  await writeFile(join(path, 'manifest.json'), JSON.stringify(manifest))
  return path
}

const made = { source: 'this test', licence: 'Apache-2.0' }
const meshes = [
  { file: 'own/block.obj', label: 'e-bike', length: 1.7, up: 'z', forward: 'x', ...made },
  { file: 'own/thing.glb', label: 'clutter', height: 0.6, up: 'y', forward: 'z', ...made },
]

t.test('a folder of meshes is read with its materials, and a wrong manifest says where', async (t) => {
  const read = await readMeshes(await folder(t, meshes))
  t.equal(read.length, 2)
  t.match(read[0], { label: 'e-bike', length: 1.7, obj: /^mtllib/, mtl: /lacquer/, textures: {} })
  t.match(read[1], { label: 'clutter', height: 0.6, glb: /^Z2xURg/ })
  const wrong = await folder(t, [{ ...meshes[0], label: 'horse' }])
  await t.rejects(readMeshes(wrong), /manifest\.json\/0/)
  const missing = await folder(t, [{ ...meshes[0], file: 'own/absent.obj' }])
  await t.rejects(readMeshes(missing), /absent\.obj/)
})

/** Stills until one holds what is looked for. */
async function find(studio: Studio, wanted: (shot: Shot) => boolean, step = 1): Promise<{ shot: Shot; at: number[] }> {
  for (let cab = 100; cab < 120; cab++)
    for (let index = 0; index < 4; index += step) {
      const shot = await studio.still(cab, index, 208, 128)
      if (wanted(shot)) return { shot, at: [cab, index] }
    }
  throw new Error('none of eighty stills holds it')
}

t.test('of a pair of stills only the first has the vehicle', { timeout: 300_000 }, async (t) => {
  const studio = await Studio.open({ models: await readMeshes(await folder(t, meshes)), pairs: true })
  t.teardown(() => studio.close())
  const isEBike = (box: { label: string }) => box.label === 'e-bike'
  const { shot, at } = await find(studio, (one) => one.boxes.some(isEBike), 2)
  const other = await studio.still(at[0]!, at[1]! + 1, 208, 128)
  const pixels = async (jpeg: Buffer) => sharp(jpeg).greyscale().raw().toBuffer()
  const [first, second] = [await pixels(shot.jpeg), await pixels(other.jpeg)]
  t.same(
    other.boxes.filter((box) => box.label !== 'person'),
    [],
    'no vehicle is left in the second',
  )
  // What stands beside the vehicle and the cab itself stay: most of the picture is the same but for grain and text.
  const same = first.filter((value, i) => Math.abs(value - second[i]!) < 40).length / first.length
  t.ok(same > 0.6, `${same}`)
})

t.test('a cut-out is see-through but for its object', { timeout: 300_000 }, async (t) => {
  const studio = await Studio.open({ models: await readMeshes(await folder(t, meshes)), cutouts: true })
  t.teardown(() => studio.close())
  const { shot } = await find(studio, (one) => one.boxes.length === 1 && one.boxes[0]!.label === 'e-bike')
  const { data, info } = await sharp(shot.jpeg).raw().toBuffer({ resolveWithObject: true })
  t.equal(info.channels, 4)
  const box = shot.boxes[0]!
  let [inside, outside] = [0, 0]
  for (let y = 0; y < info.height; y++)
    for (let x = 0; x < info.width; x++) {
      if (data[(y * info.width + x) * 4 + 3] === 0) continue
      const within = x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height
      if (within) inside++
      else outside++
    }
  t.ok(inside > 0.1 * box.width * box.height, 'the object is there')
  t.equal(outside, 0, 'and nothing but the object')
})
