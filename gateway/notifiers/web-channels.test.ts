import { createDecipheriv, createECDH, createHmac, createPublicKey, hkdfSync, randomBytes, verify } from 'node:crypto'
import t from 'tap'
import webPushLibrary from 'web-push'
import type { PushSubscription } from '../core/ports.ts'
import { ntfy } from './ntfy.ts'
import { aMessage, createContext, type Received, startVendor } from './testing.ts'
import { webPush } from './web-push.ts'
import { webhook } from './webhook.ts'

const signal = new AbortController().signal

t.test('an ntfy server gets the topic, the urgency and a button that opens the answer page', async (t) => {
  const vendor = await startVendor(t, ({ headers }) =>
    headers.authorization === 'Bearer tk_1' ? { body: { id: 'n1' } } : { status: 403, body: { error: 'forbidden' } },
  )
  const options = { url: vendor.url, token: { env: 'T' }, perMinute: 60 }
  const channel = ntfy.create(options, createContext({ secrets: { T: 'tk_1' } }))
  t.match(await channel.send([aMessage()], { person: 'a', address: 'caregiver-a' }, signal), { reference: 'n1' })
  t.match(vendor.received[0]?.json, {
    topic: 'caregiver-a',
    title: /301/,
    priority: 5,
    click: 'https://care.example.org/answer/abc',
    actions: [{ action: 'view', label: '答复', url: 'https://care.example.org/answer/abc' }],
  })
  const stranger = ntfy.create(options, createContext())
  await t.rejects(stranger.send([aMessage()], { person: 'a', address: 'x' }, signal), {
    name: 'DeliveryError',
    retryable: false,
  })
  await t.rejects(channel.send([aMessage()], { person: 'a' }, signal), { name: 'RecipientError' })
})

t.test('a webhook is signed over its time and body, and the same message has the same key', async (t) => {
  const vendor = await startVendor(t, ({ headers, body }) => {
    const time = headers['x-gridgate-timestamp']
    const expected = createHmac('sha256', 'shared').update(`${time}.${body}`).digest('hex')
    const isFresh = Math.abs(Date.now() / 1000 - Number(time)) < 300
    return headers['x-gridgate-signature'] === `v1=${expected}` && isFresh ? { body: { id: 'w1' } } : { status: 401 }
  })
  const channel = webhook.create(
    { url: vendor.url, secret: { env: 'S' }, perMinute: 600 },
    createContext({ secrets: { S: 'shared' } }),
  )
  for (const _ of [1, 2]) t.match(await channel.send([aMessage()], { person: 'a' }, signal), { reference: 'w1' })
  const [first, second] = vendor.received as [Received, Received]
  t.equal(first.headers['idempotency-key'], second.headers['idempotency-key'])
  t.match(first.json, { person: 'a', messages: [{ alarm: 'alarm-1', place: /301/, severity: 'critical' }] })
  const wrong = webhook.create({ url: vendor.url, secret: { env: 'S' }, perMinute: 600 }, createContext())
  await t.rejects(wrong.send([aMessage()], { person: 'a' }, signal), {
    name: 'DeliveryError',
    retryable: false,
    hint: /password/,
  })
})

/** A browser: its keys, and what RFC 8291 and 8188 let it read. */
function createBrowser(endpoint: string) {
  const ecdh = createECDH('prime256v1')
  const publicKey = ecdh.generateKeys()
  const auth = randomBytes(16)
  const subscription: PushSubscription = {
    endpoint,
    keys: { p256dh: publicKey.toString('base64url'), auth: auth.toString('base64url') },
  }
  return {
    subscription,
    read(body: Buffer) {
      const salt = body.subarray(0, 16)
      const serverKey = body.subarray(21, 21 + body[20]!)
      const info = Buffer.concat([Buffer.from('WebPush: info\0'), publicKey, serverKey])
      const secret = Buffer.from(hkdfSync('sha256', ecdh.computeSecret(serverKey), auth, info, 32))
      const key = Buffer.from(hkdfSync('sha256', secret, salt, 'Content-Encoding: aes128gcm\0', 16))
      const nonce = Buffer.from(hkdfSync('sha256', secret, salt, 'Content-Encoding: nonce\0', 12))
      const record = body.subarray(21 + body[20]!)
      const decipher = createDecipheriv('aes-128-gcm', key, nonce)
      decipher.setAuthTag(record.subarray(-16))
      const plain = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()])
      return JSON.parse(plain.subarray(0, plain.lastIndexOf(2)).toString())
    },
  }
}

/** Whether a push service would let the sender in (RFC 8292). */
function isVapid({ headers }: Received, publicKey: string, audience: string): boolean {
  const [, token = '', key] = /^vapid t=([\w.-]+), ?k=([\w-]+)$/.exec(headers.authorization ?? '') ?? []
  const [head = '', claims = '', signature = ''] = token.split('.')
  const raw = Buffer.from(publicKey, 'base64url')
  const jwk = { kty: 'EC', crv: 'P-256', x: raw.toString('base64url', 1, 33), y: raw.toString('base64url', 33) }
  const { aud, exp, sub } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  const isSigned = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  return isSigned && key === publicKey && aud === audience && exp * 1000 < Date.now() + 24 * 3600_000 && sub !== ''
}

t.test('every browser a person has allowed is woken, and one that is gone is forgotten', async (t) => {
  const vapid = webPushLibrary.generateVAPIDKeys()
  const gone: string[] = []
  const vendor = await startVendor(t, (received) => {
    if (received.path === '/gone') return { status: 410 }
    return isVapid(received, vapid.publicKey, vendor.url) ? { status: 201 } : { status: 403 }
  })
  const phone = createBrowser(`${vendor.url}/phone`)
  const old = createBrowser(`${vendor.url}/gone`)
  const options = { subject: 'mailto:it@example.org', publicKey: vapid.publicKey, privateKey: { env: 'K' } }
  let subscriptions = [phone.subscription, old.subscription]
  const subscriptionsOf = { of: () => subscriptions, remove: (endpoint: string) => void gone.push(endpoint) }
  const channel = webPush.create(
    options,
    createContext({ secrets: { K: vapid.privateKey }, subscriptions: subscriptionsOf }),
  )
  t.match(await channel.send([aMessage()], { person: 'a' }, signal), { reply: '1 of 2 browsers' })
  t.same(gone, [old.subscription.endpoint])
  const sent = vendor.received.find(({ path }) => path === '/phone')!
  t.match(sent.headers, { urgency: 'high', ttl: '3600', topic: 'alarm-1', 'content-encoding': 'aes128gcm' })
  t.match(phone.read(sent.body), {
    title: /301/,
    link: /answer\/abc/,
    alarm: 'alarm-1',
    elder: 'elder-301',
    severity: 'critical',
  })

  subscriptions = [old.subscription]
  await t.rejects(channel.send([aMessage()], { person: 'a' }, signal), {
    name: 'DeliveryError',
    hint: /Allow notifications/,
  })
  subscriptions = []
  await t.rejects(channel.send([aMessage()], { person: 'a' }, signal), { name: 'RecipientError' })
})
