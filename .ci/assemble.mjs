// Makes gateway/falling/pixel-loops.wasm from its source, pixel-loops.wat. `--check` only tells whether it is up to date.
import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import wabt from 'wabt'

const file = (name) => fileURLToPath(new URL(`../gateway/falling/${name}`, import.meta.url))
const { parseWat } = await wabt()
const source = file('pixel-loops.wat')
const built = file('pixel-loops.wasm')
const parsed = parseWat(source, readFileSync(source, 'utf8'), { simd: true })
parsed.validate({ simd: true })
const { buffer } = parsed.toBinary({})
if (!process.argv.includes('--check')) writeFileSync(built, buffer)
else if (!readFileSync(built).equals(buffer)) {
  console.error(`${built} is not what ${source} says: run node .ci/assemble.mjs`)
  process.exit(1)
}
