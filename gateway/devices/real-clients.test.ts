import { execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pino from 'pino'
import t from 'tap'
import { defaultLimits, startBroker } from '../broker/broker.ts'
import { addCredentials } from '../broker/credentials.ts'
import { systemClock } from '../core/clock.ts'
import type { Measurement } from '../core/measurement.ts'
import type { Telemetry } from '../core/ports.ts'
import { until } from '../testing/until.ts'
import { codecs } from './codecs/index.ts'
import { createInspector } from './inspector.ts'
import { createIntake } from './intake.ts'
import { createMqttLink } from './mqtt-link.ts'
import { createDeviceRegistry } from './registry.ts'

/* Clients nobody here wrote, against our broker and intake: Debian's mosquitto_pub and mosquitto_sub. */

const execute = promisify(execFile)
const logger = pino({ level: 'silent' })

/** A self-signed certificate for 127.0.0.1, by Debian's openssl. */
async function makeCertificate(dir: string) {
  const key = join(dir, 'key.pem')
  const cert = join(dir, 'cert.pem')
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  await execute('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    cert,
    '-days',
    '2',
    ...subject,
  ])
  return { key, cert }
}

t.test('mosquitto_pub with a certificate, a will and a kept session is heard, missed and heard again', async (t) => {
  const dir = t.testdir()
  const { key, cert } = await makeCertificate(dir)
  const credentialsFile = join(dir, 'credentials')
  const [gateway, smoke] = await addCredentials(credentialsFile, [
    { id: 'gateway', role: 'gateway' },
    { id: 'smoke-3', role: 'device' },
  ])
  const broker = await startBroker({
    site: 's',
    host: '127.0.0.1',
    port: 0,
    tls: { host: '127.0.0.1', port: 0, key, cert, requireCertificate: false },
    dataDir: dir,
    credentialsFile,
    limits: defaultLimits,
    alarmTopics: [],
    logger,
  })
  t.teardown(() => broker.stop())
  const shown: Measurement[] = []
  const upDown: boolean[] = []
  const intake = createIntake({
    site: 's',
    registry: createDeviceRegistry([
      { id: 'smoke-3', kind: 'smoke', place: { site: 's' }, codec: 'auto', heartbeatMs: 60_000 },
    ]),
    codecs,
    telemetry: { write: async () => {} } as unknown as Telemetry,
    inspector: createInspector(),
    onMeasurements: (measurements) => shown.push(...measurements),
    onAcceleration() {},
    onDeviceUp: (_device, isUp) => upDown.push(isUp),
    now: Date.now,
    logger,
  })
  const stop = new AbortController()
  const link = createMqttLink({
    url: `mqtt://127.0.0.1:${broker.port}`,
    username: 'gateway',
    password: gateway!.secret,
    clientId: 'gateway',
    filters: ['site/s/+/up', 'site/s/+/status'],
    onMessage: intake.receive,
    clock: systemClock,
    random: Math.random,
    logger,
  })
  const running = link.run(stop.signal)
  t.teardown(async () => {
    stop.abort()
    await running
  })
  await until('the gateway is connected', () => link.isConnected)

  const login = ['-h', '127.0.0.1', '-i', 'smoke-3', '-u', 'smoke-3', '-P', smoke!.secret]
  const secure = ['-p', String(broker.tlsPort), '--cafile', cert, ...login]
  const will = [
    '--will-topic',
    'site/s/smoke-3/status',
    '--will-payload',
    'offline',
    '--will-qos',
    '1',
    '--will-retain',
  ]
  const publish = (message: string) =>
    execute('mosquitto_pub', [...secure, '-q', '1', '-t', 'site/s/smoke-3/up', '-m', message])
  await publish('{"values":{"isSmoke":false}}')
  await until('it is heard', () => shown.length === 1)

  // A session that is kept (-c), with a will; killed without a goodbye.
  const device = spawn('mosquitto_sub', [...secure, ...will, '-c', '-q', '1', '-C', '2', '-t', 'site/s/smoke-3/down'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let heard = ''
  device.stdout.on('data', (chunk) => {
    heard += chunk
  })
  await until('it listens', async () => {
    await link.publish('site/s/smoke-3/down', 'hello')
    return heard.includes('hello')
  })
  device.kill('SIGKILL')
  await until('its will is heard', () => upDown.at(-1) === false)

  await link.publish('site/s/smoke-3/down', 'kept-for-you')
  const back = await execute('mosquitto_sub', [
    ...secure,
    '-c',
    '-q',
    '1',
    '-W',
    '10',
    '-C',
    '1',
    '-t',
    'site/s/smoke-3/down',
  ])
  t.match(back.stdout, /hello|kept-for-you/, 'what was sent meanwhile waits in its session')
  await publish('{"values":{"isSmoke":true}}')
  await until('it is up again', () => upDown.at(-1) === true)
  t.match(shown.at(-1), { device: 'smoke-3', metric: 'isSmoke', value: true })
})
