import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import mqtt from 'mqtt'
import pino from 'pino'
import t from 'tap'
import { type BrokerOptions, defaultLimits, startBroker, type TlsOptions } from './broker.ts'
import { addCredential } from './credentials.ts'

function makeCertificate(dir: string, name: string) {
  const key = join(dir, `${name}.key`)
  const cert = join(dir, `${name}.pem`)
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  execFileSync('openssl', [...request, '-subj', `/CN=${name}`, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  return { key, cert }
}

async function start(dataDir: string, tls: Partial<TlsOptions> & Pick<TlsOptions, 'key' | 'cert'>) {
  const credentialsFile = join(dataDir, 'clients')
  const { secret } = await addCredential(credentialsFile, { id: 'button', role: 'device' })
  const options: BrokerOptions = {
    site: 'house',
    host: '127.0.0.1',
    port: 0,
    tls: { host: '127.0.0.1', port: 0, ...tls },
    dataDir,
    credentialsFile,
    limits: { ...defaultLimits, reloadMs: 20 },
    alarmTopics: [],
    logger: pino({ enabled: false }),
  }
  return { broker: await startBroker(options), secret }
}

async function subjectAt(port: number, options: ConnectionOptions = {}): Promise<string> {
  const socket: TLSSocket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
  try {
    await once(socket, 'secureConnect')
    return socket.getPeerCertificate().subject.CN as string
  } finally {
    socket.destroy()
  }
}

t.test('a device may talk to the broker encrypted, and a renewed certificate is used without a restart', async (t) => {
  const dir = t.testdir()
  const first = makeCertificate(dir, 'first')
  const { broker, secret } = await start(dir, first)
  t.teardown(() => broker.stop())
  const client = await mqtt.connectAsync({
    protocol: 'mqtts',
    host: '127.0.0.1',
    port: broker.tlsPort!,
    rejectUnauthorized: false,
    clientId: 'button',
    username: 'button',
    password: secret,
  })
  await client.publishAsync('site/house/button/up', Buffer.alloc(100_000), { qos: 1 })
  t.equal(await subjectAt(broker.tlsPort!), 'first')

  const second = makeCertificate(dir, 'second')
  renameSync(second.key, first.key)
  renameSync(second.cert, first.cert)
  let subject = 'first'
  while (subject === 'first') subject = await subjectAt(broker.tlsPort!)
  t.equal(subject, 'second')
  t.equal(client.connected, true, 'who was connected still is')
  await client.endAsync()
})

t.test('where certificates are required, a client without one gets no further', async (t) => {
  const dir = t.testdir()
  const server = makeCertificate(dir, 'server')
  const known = makeCertificate(dir, 'known')
  const { broker } = await start(dir, { ...server, ca: known.cert, requireCertificate: true })
  t.teardown(() => broker.stop())
  const refused = connect({ host: '127.0.0.1', port: broker.tlsPort!, rejectUnauthorized: false })
  refused.on('error', () => {})
  refused.resume()
  await new Promise((resolve) => refused.once('close', resolve))
  t.equal(broker.metrics().connections, 0)
})

t.test('a certificate that cannot be read stops the start with its cure', async (t) => {
  const dir = t.testdir()
  await t.rejects(start(dir, { key: join(dir, 'none.key'), cert: join(dir, 'none.pem') }), {
    name: 'StartError',
    message: /none\.key/,
    hint: /PEM/,
  })
})
