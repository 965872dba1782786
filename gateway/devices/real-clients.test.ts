import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pino from 'pino'
import t, { type Test } from 'tap'
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

/* Clients nobody here wrote, against our broker and intake: Debian's mosquitto_pub, mosquitto_sub and Paho. */

const execute = promisify(execFile)
const logger = pino({ level: 'silent' })

/** An authority, and certificates of 127.0.0.1 and of a device signed by it, by Debian's openssl. */
async function makeCertificates(dir: string, device: string) {
  const file = (name: string) => join(dir, name)
  const request = (name: string, subject: string, ...more: string[]) =>
    execute('openssl', [
      ...['req', '-newkey', 'rsa:2048', '-nodes', '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)],
      ...['-subj', `/CN=${subject}`, '-x509', '-days', '2', ...more],
    ])
  const signed = ['-CA', file('ca.pem'), '-CAkey', file('ca.key')]
  await request('ca', 'Site authority')
  await request('server', '127.0.0.1', ...signed, '-addext', 'subjectAltName=IP:127.0.0.1')
  await request('device', device, ...signed)
  return {
    ca: file('ca.pem'),
    key: file('server.key'),
    cert: file('server.pem'),
    own: [file('device.pem'), file('device.key')],
  }
}

/** Broker with TLS, gateway link and intake; one device may log in. */
async function houseFor(t: Test, id: string, requireCertificate: boolean) {
  const dir = t.testdir()
  const certificates = await makeCertificates(dir, id)
  const { ca, key, cert } = certificates
  const credentialsFile = join(dir, 'credentials')
  const [gateway, device] = await addCredentials(credentialsFile, [
    { id: 'gateway', role: 'gateway' },
    { id, role: 'device' },
  ])
  const broker = await startBroker({
    site: 's',
    host: '127.0.0.1',
    port: 0,
    tls: { host: '127.0.0.1', port: 0, key, cert, ca, requireCertificate },
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
    registry: createDeviceRegistry([{ id, kind: 'smoke', place: { site: 's' }, codec: 'auto', heartbeatMs: 60_000 }]),
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
  return { broker, link, shown, upDown, secret: device!.secret, certificates }
}

t.test('mosquitto_pub with a will and a kept session is heard, missed and heard again', async (t) => {
  const { broker, link, shown, upDown, secret, certificates } = await houseFor(t, 'smoke-3', false)
  const login = ['-h', '127.0.0.1', '-i', 'smoke-3', '-u', 'smoke-3', '-P', secret]
  const secure = ['-p', String(broker.tlsPort), '--cafile', certificates.ca, ...login]
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
  const device = spawn('mosquitto_sub', [...secure, ...will, '-c', '-q', '1', '-t', 'site/s/smoke-3/down'], {
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

/** A Paho client with a certificate, a will and a kept session; does what its last argument says and prints what it hears. */
const paho = `
import ssl, sys, time
import paho.mqtt.client as mqtt
port, ca, cert, key, name, secret, order = sys.argv[1:]
client = mqtt.Client(name, clean_session=False)
client.username_pw_set(name, secret)
client.tls_set(ca, cert or None, key or None)
client.will_set(f"site/s/{name}/status", "offline", qos=1, retain=True)
def connected(client, _, flags, code):
    print("connected", code, flags["session present"], flush=True)
    if code: sys.exit(1)
    client.subscribe(f"site/s/{name}/down", qos=1)
    client.publish(f"site/s/{name}/status", "online", qos=1, retain=True)
    client.publish(f"site/s/{name}/up", '{"values":{"isSmoke":%s}}' % ("true" if order == "smoke" else "false"), qos=1)
client.on_connect = connected
client.on_subscribe = lambda *_: print("listening", flush=True)
client.on_message = lambda _c, _u, message: print("heard", message.payload.decode(), flush=True)
client.connect("127.0.0.1", int(port), 30)
client.loop_forever()
`

t.test('Paho with a client certificate, a will and a kept session is heard, missed and heard again', async (t) => {
  const { broker, link, shown, upDown, secret, certificates } = await houseFor(t, 'smoke-4', true)
  const start = (order: string, own = certificates.own) => {
    const address = [String(broker.tlsPort), certificates.ca, ...own]
    const child = spawn('/usr/bin/python3', ['-c', paho, ...address, 'smoke-4', secret, order])
    t.teardown(() => child.kill('SIGKILL'))
    const said = { text: '' }
    child.stdout.on('data', (chunk) => {
      said.text += chunk
    })
    return { child, said }
  }
  const stranger = start('quiet', ['', ''])
  const [code] = await once(stranger.child, 'exit')
  t.not(code, 0, 'without a certificate nobody gets in')
  t.notMatch(stranger.said.text, 'connected')

  const first = start('quiet')
  await until('it is heard', () => shown.length === 1 && upDown.at(-1) === true)
  await until('it listens', () => first.said.text.includes('listening'))
  first.child.kill('SIGKILL')
  await until('its will is heard', () => upDown.at(-1) === false)
  await link.publish('site/s/smoke-4/down', 'kept-for-you')

  const second = start('smoke')
  await until('what was sent meanwhile waited in its session', () => second.said.text.includes('heard kept-for-you'))
  t.match(second.said.text, /connected 0 1/, 'the session was kept')
  await until('it is up again', () => upDown.at(-1) === true && shown.length === 2)
  t.match(shown.at(-1), { device: 'smoke-4', metric: 'isSmoke', value: true })
})
