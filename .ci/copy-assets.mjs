// What the compiler leaves behind: SQL, YAML, voices, clips and WebAssembly that the compiled tree reads beside its modules.
import { cpSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const wanted = new Set(['.sql', '.yaml', '.wav', '.mp4', '.json', '.onnx', '.wasm'])
const folders = ['gateway', 'cloud-bridge', 'simulators', 'models']

for (const folder of folders)
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !wanted.has(extname(entry.name)) || entry.name === 'tsconfig.json') continue
    const source = join(entry.parentPath ?? entry.path, entry.name)
    const target = join(root, 'dist', source.slice(root.length))
    mkdirSync(dirname(target), { recursive: true })
    cpSync(source, target)
  }
