import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ConfigError, type ConfigProblem } from '../core/errors.ts'
import { wrongField } from '../core/field-words.ts'

/** Ed25519 signatures are 64 bytes. */
const signatureBytes = 64

/**
 * Reads the key that models must be signed by.
 * @throws ConfigError when the file is no Ed25519 public key in PEM
 */
export async function readPublicKey(file: string): Promise<KeyObject> {
  const refuse = (message: string): never => {
    throw new ConfigError(file, [{ path: '', message }])
  }
  let pem: string
  try {
    pem = await readFile(file, 'utf8')
  } catch (error) {
    return refuse(`cannot be read (${(error as NodeJS.ErrnoException).code}); models.publicKey names it`)
  }
  if (pem.includes('PRIVATE KEY'))
    return refuse('holds a private key; keep that off this machine and put the public one here (openssl pkey -pubout)')
  try {
    const key = createPublicKey(pem)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch {
    return refuse('is no public key in PEM (openssl pkey -in private.pem -pubout)')
  }
  return refuse('is no Ed25519 key (openssl genpkey -algorithm ed25519)')
}

/**
 * Checks the detached signature of a model.json, raw or base64. The manifest holds the SHA-256 of the weights, so one
 * signature vouches for both.
 */
export async function signatureProblem(
  path: string,
  document: Uint8Array,
  key: KeyObject,
): Promise<ConfigProblem | undefined> {
  const file = `${path}.sig`
  let found: Buffer
  try {
    found = await readFile(file)
  } catch (error) {
    const code = String((error as NodeJS.ErrnoException).code)
    return { path: '', ...wrongField('unsigned', { file, code }) }
  }
  const signature = found.length === signatureBytes ? found : Buffer.from(found.toString('latin1').trim(), 'base64')
  const isValid = signature.length === signatureBytes && verify(null, document, key, signature)
  if (isValid) return undefined
  return { path: '', ...wrongField('forged', { file, document: path }) }
}
