import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConfigError } from '../core/errors.ts'
import { loadFallManifest } from './fall/model.ts'
import { loadManifest, readDocument } from './manifest.ts'
import { readPublicKey } from './signature.ts'

const shipped = new URL('testing/colour-grid', import.meta.url).pathname
const { publicKey, privateKey } = generateKeyPairSync('ed25519')

async function signedModel(t: Test, key: KeyObject, how: 'raw' | 'base64' = 'raw'): Promise<string> {
  const dir = join(t.testdir(), 'model')
  await cp(shipped, dir, { recursive: true })
  const signature = sign(null, await readFile(join(dir, 'model.json')), key)
  await writeFile(join(dir, 'model.json.sig'), how === 'raw' ? signature : `${signature.toString('base64')}\n`)
  return dir
}

t.test('a model signed by the configured key is used, with a raw or a base64 signature', async (t) => {
  for (const how of ['raw', 'base64'] as const)
    t.equal((await loadManifest(await signedModel(t, privateKey, how), publicKey)).name, 'colour-grid')
})

t.test(
  'a model changed after signing, signed by somebody else or not at all is refused, and the cure is told',
  async (t) => {
    const changed = await signedModel(t, privateKey)
    const document = JSON.parse(await readFile(join(changed, 'model.json'), 'utf8'))
    await writeFile(join(changed, 'model.json'), JSON.stringify({ ...document, thresholds: { default: 0.99 } }))
    await t.rejects(loadManifest(changed, publicKey), { message: /changed after signing/ })
    const foreign = await signedModel(t, generateKeyPairSync('ed25519').privateKey)
    await t.rejects(loadManifest(foreign, publicKey), ConfigError)
    await t.rejects(loadManifest(shipped, publicKey), { message: /openssl pkeyutl -sign -rawin/ })
    t.equal((await loadManifest(shipped)).name, 'colour-grid', 'without a key the hash alone counts')
  },
)

t.test('models of falls and of throwing are held to the signature as well', async (t) => {
  const models = new URL('../../models/', import.meta.url).pathname
  const dir = join(t.testdir(), 'fall-wrist')
  await cp(join(models, 'fall-wrist'), dir, { recursive: true })
  await t.rejects(loadFallManifest(dir, publicKey), { message: /openssl pkeyutl -sign -rawin/ })
  await writeFile(join(dir, 'model.json.sig'), sign(null, await readFile(join(dir, 'model.json')), privateKey))
  t.equal((await loadFallManifest(dir, publicKey)).name, 'fall-wrist')
  await t.rejects(readDocument(join(models, 'falling-track/model.json'), publicKey), ConfigError)
})

t.test('weights exchanged under a valid signature are refused by their hash', async (t) => {
  const dir = await signedModel(t, privateKey)
  const weights = await readFile(join(dir, 'colour-grid.onnx'))
  weights[200]! ^= 1
  await writeFile(join(dir, 'colour-grid.onnx'), weights)
  await t.rejects(loadManifest(dir, publicKey), { message: /SHA-256/ })
})

t.test('a key file that is missing, private or of another kind is named with its cure', async (t) => {
  const dir = t.testdir()
  const write = async (name: string, pem: string | Buffer) => {
    await writeFile(join(dir, name), pem)
    return join(dir, name)
  }
  const good = await write('good.pem', publicKey.export({ type: 'spki', format: 'pem' }))
  t.equal((await readPublicKey(good)).asymmetricKeyType, 'ed25519')
  await t.rejects(readPublicKey(join(dir, 'missing.pem')), { message: /ENOENT/ })
  const secret = await write('private.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await t.rejects(readPublicKey(secret), { message: /holds a private key/ })
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  await t.rejects(readPublicKey(await write('rsa.pem', rsa.export({ type: 'spki', format: 'pem' }))), {
    message: /no Ed25519/,
  })
  await t.rejects(readPublicKey(await write('text.pem', 'hello')), { message: /no public key in PEM/ })
})
