import { execFileSync } from 'node:child_process'
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** A push service (RFC 8030) with one browser, whose keys it knows as only the browser does. */
export interface PushService {
  /** What the browser's `PushManager.subscribe` gives. */
  subscription: { endpoint: string; keys: { p256dh: string; auth: string } }
  /** What the browser can read of every message, newest last. */
  received: string[]
  /** Of its certificate, for who must trust it. */
  certificateFile: string
  /** From now on every message is answered 410: the browser has gone. */
  forget(): void
  stop(): Promise<void>
}

/** Makes a certificate for 127.0.0.1 below `dir`, and listens. */
export async function startPushService(dir: string): Promise<PushService> {
  mkdirSync(dir, { recursive: true })
  const [key, certificateFile] = [join(dir, 'push-key.pem'), join(dir, 'push-certificate.pem')]
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=push service', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-keyout', key, '-out', certificateFile],
    ],
    { stdio: 'ignore' },
  )
  const browser = createECDH('prime256v1')
  const publicKey = browser.generateKeys()
  const auth = randomBytes(16)
  const received: string[] = []
  let isForgotten = false

  /** RFC 8291 and 8188, one record. */
  function read(body: Buffer): string {
    const salt = body.subarray(0, 16)
    const keyEnd = 21 + body[20]!
    const serverKey = body.subarray(21, keyEnd)
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), publicKey, serverKey])
    const secret = Buffer.from(hkdfSync('sha256', browser.computeSecret(serverKey), auth, info, 32))
    const key = Buffer.from(hkdfSync('sha256', secret, salt, 'Content-Encoding: aes128gcm\0', 16))
    const nonce = Buffer.from(hkdfSync('sha256', secret, salt, 'Content-Encoding: nonce\0', 12))
    const record = body.subarray(keyEnd)
    const decipher = createDecipheriv('aes-128-gcm', key, nonce)
    decipher.setAuthTag(record.subarray(-16))
    const plain = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()])
    return plain.subarray(0, plain.lastIndexOf(2)).toString()
  }

  const server = createServer({ key: readFileSync(key), cert: readFileSync(certificateFile) }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      if (isForgotten) return response.writeHead(410).end()
      if (!/^vapid t=/.test(request.headers.authorization ?? '')) return response.writeHead(401).end()
      received.push(read(Buffer.concat(chunks)))
      return response.writeHead(201).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    subscription: {
      endpoint: `https://127.0.0.1:${port}/push/${randomBytes(12).toString('base64url')}`,
      keys: { p256dh: publicKey.toString('base64url'), auth: auth.toString('base64url') },
    },
    received,
    certificateFile,
    forget() {
      isForgotten = true
    },
    async stop() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
