import { mkdirSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import modbus from 'modbus-serial'
import mqtt, { type MqttClient } from 'mqtt'
import pino from 'pino'
import t, { type Test } from 'tap'
import { startApp } from './app.ts'
import { defaultLimits, startBroker } from './broker/broker.ts'
import { addCredentials } from './broker/credentials.ts'
import { parseSite } from './config/load.ts'
import { driverSchemas } from './drivers.ts'
import { ensureGatewaySecret, secretFiles } from './secrets.ts'
import { until } from './testing/until.ts'

const logger = pino({ level: 'silent' })

const siteText = (dataDir: string, port: number, more = '') => `
site: { id: garden, name: { zh: 江畔花园, en: Riverside Gardens } }
dataDir: ${dataDir}
http: { port: 0 }
mqtt: { port: ${port} }
buildings: [{ id: b1, name: { zh: 1 号楼, en: Building 1 }, units: [{ id: u1, name: { zh: 一单元, en: Unit 1 } }] }]
devices:
  - { id: smoke-1, name: { zh: 烟感一, en: Smoke 1 }, kind: smoke, place: { building: b1, unit: u1, floor: "1" } }
${more}
`

interface Answer {
  status: number
  body: {
    credentials?: { username: string; password: string; topic: string }
    items?: Array<Record<string, unknown>>
    entries?: Array<{ subject: string; transition: string; data: object }>
    error?: { message: string; details?: Array<{ field: string; message: string }> }
    [field: string]: unknown
  }
}

/** A whole gateway beside its real broker, and an administrator at the console. */
async function house(t: Test, limits = defaultLimits) {
  const dataDir = t.testdir()
  mkdirSync(join(dataDir, 'broker'))
  await ensureGatewaySecret(dataDir, { publish: [], subscribe: [] })
  const credentialsFile = secretFiles(dataDir).credentials
  const broker = await startBroker({
    ...{ site: 'garden', host: '127.0.0.1', port: 0, dataDir: join(dataDir, 'broker'), credentialsFile },
    ...{ limits, alarmTopics: [], logger },
  })
  t.teardown(() => broker.stop())

  async function open(more = '') {
    const config = parseSite(siteText(dataDir, broker.port, more), 'site.yaml', driverSchemas)
    const app = await startApp({ config, logger })
    t.teardown(() => app.stop())
    let cookie = ''
    let csrfToken = ''
    async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
      const isText = typeof body === 'string'
      const response = await fetch(`${app.url}/api/v1${path}`, {
        method,
        headers: {
          ...(cookie ? { cookie, 'x-csrf-token': csrfToken } : {}),
          ...(body === undefined ? {} : { 'content-type': isText ? 'text/csv' : 'application/json' }),
        },
        ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
      })
      cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.includes('json')
      return { status: response.status, body: text === '' ? {} : isJson ? JSON.parse(text) : { text } }
    }
    return {
      app,
      ask,
      async logIn(password: string) {
        const { body } = await ask('POST', '/session', { name: 'admin', password })
        csrfToken = String(body.csrfToken)
      },
    }
  }

  /** As a device does: tries again until the broker lets it in. */
  async function connect({ username, password }: { username: string; password: string }): Promise<MqttClient> {
    const client = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, {
      ...{ username, password, clientId: username, reconnectPeriod: 1000, clean: true, reconnectOnConnackError: true },
    })
    client.on('error', () => {})
    t.teardown(() => client.endAsync(true))
    await until(`${username} is let in`, () => client.connected)
    return client
  }
  return { open, connect, credentialsFile, port: broker.port }
}

const smoke9 = {
  id: 'smoke-9',
  name: { zh: '新烟感', en: 'New smoke detector' },
  kind: 'smoke',
  place: { building: 'b1', unit: 'u1', floor: '9', flat: '901' },
  groups: ['ninth floor'],
}

t.test('a device registered on the console reports and alarms without a restart, until it is removed', async (t) => {
  const { open, connect, credentialsFile, port } = await house(t)
  const first = await open()
  await first.logIn(first.app.firstPassword!)
  const { ask } = first

  const wrong = await ask('POST', '/devices', { ...smoke9, kind: 'smoek', place: { building: 'b9' } })
  t.equal(wrong.status, 400)
  t.match(wrong.body.error?.details, [{ field: 'body.kind' }])
  t.match((await ask('POST', '/devices', { ...smoke9, place: { building: 'b9' } })).body.error?.details, [
    { field: 'body.place.building', message: 'there is no building "b9"' },
  ])
  const taken = await ask('POST', '/devices', { ...smoke9, id: 'smoke-1' })
  t.equal(taken.status, 409)
  t.match(taken.body.error?.message, /smoke-1 is in the site file/)
  t.equal((await ask('POST', '/devices', { ...smoke9, id: 'gateway' })).status, 409, 'nobody becomes the gateway')

  const registered = await ask('POST', '/devices', smoke9)
  t.equal(registered.status, 201)
  const credentials = registered.body.credentials!
  t.match(credentials, { username: 'smoke-9', topic: 'site/garden/smoke-9/up' })
  t.equal((await ask('POST', '/devices', smoke9)).status, 409, 'once')

  const device = await connect(credentials)
  await device.publishAsync(credentials.topic, JSON.stringify({ values: { isSmoke: true, batteryPercent: 80 } }), {
    qos: 1,
  })
  const alarmOf = async () =>
    (await ask('GET', '/alarms?limit=50')).body.items!.find(({ source }) => (source as { id: string }).id === 'smoke-9')
  const alarm = await until('it alarms', alarmOf)
  t.match(alarm, { kind: 'smoke_fire', isActive: true, place: { floor: '9', flat: '901' } })
  const rows = (await ask('GET', '/devices')).body.items!
  t.match(
    rows.find(({ id }) => id === 'smoke-9'),
    { definedBy: 'console', isUp: true, groups: ['ninth floor'], battery: { percent: 80 }, codec: 'gridgate-json' },
  )
  t.match(rows[0], { id: 'smoke-1', definedBy: 'site-file' })

  const cut = new Promise<void>((resolve) => device.once('close', () => resolve()))
  const renewed = await ask('POST', '/devices/smoke-9/credentials')
  t.equal(renewed.status, 200)
  await cut
  const refused = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
    ...{ username: 'smoke-9', password: credentials.password, clientId: 'smoke-9', reconnectPeriod: 0 },
  })
  t.match(await new Promise((resolve) => refused.once('error', resolve)), { code: /4|5/ }, 'the old login has ended')
  await refused.endAsync(true)
  const again = await connect(renewed.body as never)
  t.ok(again.connected)

  await first.app.stop()
  const second = await open()
  await second.logIn(first.app.firstPassword!)
  t.ok(
    (await second.ask('GET', '/devices')).body.items!.some(({ id }) => id === 'smoke-9'),
    'it is there after a restart',
  )

  const ended = new Promise<void>((resolve) => again.once('close', () => resolve()))
  t.equal((await second.ask('DELETE', '/devices/smoke-9')).status, 204)
  await ended
  const cleared = (await second.ask('GET', '/alarms?limit=50')).body.items!.find(({ id }) => id === alarm.id)
  t.match(cleared, { isActive: false, clearedReason: 'device-removed' })
  t.equal((await second.ask('DELETE', '/devices/smoke-9')).status, 404)
  t.equal((await second.ask('DELETE', '/devices/smoke-1')).status, 409, 'the site file is not changed from here')
  const audit = (await second.ask('GET', '/journal?after=0&topics=audit&limit=500')).body.entries!
  const steps = audit.filter(({ subject }) => subject === 'smoke-9')
  t.same(
    steps.map(({ transition }) => transition),
    ['device-registered', 'device-credentials-renewed', 'device-removed'],
  )
  const kept = JSON.stringify(audit) + readFileSync(credentialsFile, 'utf8')
  t.notOk(kept.includes(credentials.password) || kept.includes(String(renewed.body.password)), 'no secret is kept')
  await second.app.stop()
})

t.test('a device behind a bridge is heard as soon as it is registered, and a table brings many', async (t) => {
  const { open, connect, credentialsFile } = await house(t)
  const [zigbee] = await addCredentials(credentialsFile, [
    { id: 'zigbee', role: 'bridge', publish: ['zigbee2mqtt/#'], subscribe: ['zigbee2mqtt/#'] },
  ])
  const { app, ask, logIn } = await open()
  await logIn(app.firstPassword!)
  const bridge = await connect({ username: 'zigbee', password: zigbee!.secret })
  const leak = { name: { zh: '水浸', en: 'Leak' }, kind: 'water-leak', codec: 'zigbee2mqtt', place: { building: 'b1' } }
  const registered = await ask('POST', '/devices', { id: 'leak-1', ...leak, address: 'kitchen' })
  t.equal(registered.status, 201)
  t.equal(registered.body.credentials, undefined, 'the bridge logs in for it')
  const clash = await ask('POST', '/devices', { id: 'leak-2', ...leak, address: 'Kitchen' })
  t.match(clash.body.error?.message, /taken by device leak-1/)
  await until('its alarm', async () => {
    await bridge.publishAsync('zigbee2mqtt/kitchen', JSON.stringify({ water_leak: true, linkquality: 90 }), { qos: 1 })
    return (await ask('GET', '/alarms?limit=5')).body.items!.some(
      ({ source }) => (source as { id: string }).id === 'leak-1',
    )
  })

  const table = await (async () => {
    const text = await ask(
      'POST',
      '/devices/import',
      'id,nameZh,nameEn,kind,building\ndoor-1,门,Door,door,b1\nbad id,门,,door,b7\n',
    )
    t.equal(text.status, 400)
    return text.body.error!.details!
  })()
  t.ok(
    table.every(({ field }) => field.startsWith('line 3')),
    'every problem names its line',
  )
  t.ok(table.length >= 2, 'all of them at once')
  t.notOk(
    (await ask('GET', '/devices')).body.items!.some(({ id }) => id === 'door-1'),
    'nothing was imported',
  )
  const good =
    '\ufeffid,nameZh,nameEn,kind,building,groups\r\nsmoke-1,x,x,smoke,b1,\r\ndoor-1,"门,一",Door,door,b1,北门;夜间\r\n'
  const dry = await ask('POST', '/devices/import?dryRun=true', good)
  t.match(dry.body, { isDryRun: true, added: ['door-1'], ofSiteFile: ['smoke-1'], credentials: [] })
  t.notOk((await ask('GET', '/devices')).body.items!.some(({ id }) => id === 'door-1'))
  const done = await ask('POST', '/devices/import', good)
  t.match(done.body, { added: ['door-1'], credentials: [{ username: 'door-1' }] })
  const rows = (await ask('GET', '/devices')).body.items!
  t.match(
    rows.find(({ id }) => id === 'door-1'),
    { name: { zh: '门,一' }, groups: ['北门', '夜间'] },
  )
  const changed = await ask('PATCH', '/devices/door-1', { groups: ['南门'], place: { building: 'b1', unit: 'u1' } })
  t.match(changed.body, { device: { groups: ['南门'], place: { unit: 'u1' } } })
})

t.test(
  'where the site file comes to name a registered device, the site file counts and the console says so',
  async (t) => {
    const { open } = await house(t)
    const first = await open()
    await first.logIn(first.app.firstPassword!)
    await first.ask('POST', '/devices', smoke9)
    await first.app.stop()
    const second = await open(
      '  - { id: smoke-9, name: { zh: 门磁, en: Door }, kind: door, place: { building: b1, floor: "2" } }',
    )
    await second.logIn(first.app.firstPassword!)
    const row = async () => (await second.ask('GET', '/devices')).body.items!.find(({ id }) => id === 'smoke-9')
    t.match(await row(), {
      kind: 'door',
      definedBy: 'site-file',
      problem: /site file counts/,
      problems: [{ phrase: { key: 'also-in-site-file' } }],
    })
    t.equal((await second.ask('DELETE', '/devices/smoke-9')).status, 204, 'the sleeping entry can be taken away')
    t.match(await row(), { kind: 'door', problem: undefined })
  },
)

const elders = `
people: [{ id: caregiver-a, name: 护理员甲, duty: caregiver }]
elders:
  - { id: elder-301, name: 301 室长者, place: { building: b1, unit: u1, floor: "3", flat: "301" }, contacts: [caregiver-a] }
`
const button = { id: 'sos-9', name: { zh: '按钮', en: 'Button' }, kind: 'sos' }

t.test(
  'a button given to an elder on the console calls for that person, from their home, until it is taken away',
  async (t) => {
    const { open, connect } = await house(t)
    const { app, ask, logIn } = await open(elders)
    await logIn(app.firstPassword!)
    t.match((await ask('POST', '/devices', { ...button, elder: 'elder-999' })).body.error?.details, [
      { field: 'body.elder', message: 'there is no elder "elder-999"' },
    ])
    const { credentials } = (await ask('POST', '/devices', { ...button, elder: 'elder-301' })).body
    const device = await connect(credentials!)
    const press = () =>
      device.publishAsync(credentials!.topic, JSON.stringify({ values: { sosPress: 'single' } }), { qos: 1 })
    const alarms = async () => (await ask('GET', '/alarms?kind=elder_sos&limit=50')).body.items!
    await press()
    const alarm = await until('the call', async () => (await alarms())[0])
    t.match(alarm, { person: 'elder-301', place: { building: 'b1', floor: '3', flat: '301' } })
    const elder = async () => (await ask('GET', '/elders/elder-301')).body as { devices: Array<{ id: string }> }
    t.match((await elder()).devices, [{ id: 'sos-9' }])
    t.match((await ask('GET', '/elders')).body.items, [{ id: 'elder-301', devicesUp: 1 }])

    t.equal((await ask('PATCH', '/devices/sos-9', { elder: null })).status, 200)
    t.same((await elder()).devices, [])
    await press()
    const other = await until('a call that is nobody’s', async () => (await alarms()).find(({ person }) => !person))
    t.match(other, { source: { id: 'sos-9' } })
    t.notMatch(other, { person: 'elder-301' })
  },
)

t.test('the broker keeps the press of a registered button first, as of one in the site file', async (t) => {
  const limits = { ...defaultLimits, session: { ...defaultLimits.session, messages: 20 } }
  const { open, connect, credentialsFile } = await house(t, limits)
  const first = await open(elders)
  await first.logIn(first.app.firstPassword!)
  const sos = (await first.ask('POST', '/devices', { ...button, elder: 'elder-301' })).body.credentials!
  const climate = { id: 'climate-9', name: { zh: '温湿度', en: 'Climate' }, kind: 'climate' }
  const other = (await first.ask('POST', '/devices', climate)).body.credentials!
  const [press, flood] = [await connect(sos), await connect(other)]
  const kept = await until('the broker is told', () => {
    const line = readFileSync(credentialsFile, 'utf8')
      .split('\n')
      .find((each) => each.includes('"gateway"'))
    const { first = [] } = JSON.parse(line!) as { first?: string[] }
    return first.includes('site/garden/sos-9/up') ? first : undefined
  })
  t.notOk(kept.includes('site/garden/climate-9/up'))
  // Logs in after the broker has read the file anew: its login is in the same file.
  const { credentials: marker } = (await first.ask('POST', '/devices', { ...climate, id: 'climate-10' })).body
  await connect(marker!)
  await first.app.stop()

  await press.publishAsync(sos.topic, JSON.stringify({ values: { sosPress: 'single' } }), { qos: 1 })
  for (let n = 0; n < 100; n++)
    await flood.publishAsync(other.topic, JSON.stringify({ values: { temperatureCelsius: n / 10 } }), { qos: 1 })
  const second = await open(elders)
  await second.logIn(first.app.firstPassword!)
  const alarm = await until(
    'the press arrives although much came after it',
    async () => (await second.ask('GET', '/alarms?kind=elder_sos&limit=5')).body.items![0],
  )
  t.match(alarm, { person: 'elder-301', source: { id: 'sos-9' } })
})

t.test('what is exported of the site file can be registered elsewhere with nothing lost', async (t) => {
  const first = await (await house(t)).open(`
  - id: meter-1
    name: { zh: 电表, en: Meter }
    kind: electricity-meter
    place: { building: b1, unit: u1 }
    groups: [地下室, 电]
    heartbeatSeconds: 120
  - { id: band-1, name: { zh: 手环, en: Band }, kind: wearable, codec: zigbee2mqtt, address: "0x01", place: { building: b1, unit: u1, floor: "3", flat: "301" } }
integrations:
  modbus:
    - id: cellar
      host: 127.0.0.1
      port: 5020
      unit: 3
      pollSeconds: 30
      registers:
        - { device: meter-1, metric: powerWatts, table: input, address: 7, type: float32, swapWords: true, factor: 0.1, offset: 2 }
        - { device: smoke-1, metric: temperatureCelsius, address: 9 }
${elders.replace('contacts:', 'devices: [band-1], contacts:')}`)
  await first.logIn(first.app.firstPassword!)
  const exported = String((await first.ask('GET', '/devices.csv')).body.text)
  await first.app.stop()
  const second = await (await house(t)).open(elders)
  await second.logIn(second.app.firstPassword!)
  // The other site has a smoke detector of this name in its file.
  const sheet = exported.replace(/^smoke-1,/m, 'smoke-2,')
  const brought = await second.ask('POST', '/devices/import', sheet)
  t.match(brought, { status: 200, body: { added: ['smoke-2', 'meter-1', 'band-1'] } })
  const again = String((await second.ask('GET', '/devices.csv')).body.text)
  /** What is told of the moment, and who wrote it down, may differ. */
  const written = (text: string) =>
    text
      .split('\r\n')
      .filter((line) => !line.startsWith('smoke-1,'))
      .map((line) => line.replace(/,(site-file|console),.*$/, ''))
      .sort()
  t.same(written(again), written(sheet))
  t.match(sheet, /^meter-1,.*float32.*swapWords"":true.*offset"":2/m)
  t.match(sheet, /^band-1,.*,elder-301,/m)
})

t.test('a meter registered with a map of its registers is read by Modbus until it is removed', async (t) => {
  const server = new modbus.ServerTCP(
    { getHoldingRegister: (address: number) => 100 + address },
    { host: '127.0.0.1', port: 0, unitID: 1 },
  )
  await new Promise((resolve) => server.once('initialized', resolve))
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const inner = (server as unknown as { _server: { address(): AddressInfo; getConnections(done: unknown): void } })
    ._server
  const connections = () =>
    new Promise<number>((resolve) => inner.getConnections((_: unknown, count: number) => resolve(count)))
  const { open } = await house(t)
  const first = await open()
  await first.logIn(first.app.firstPassword!)
  const map = (metric: string, address: number) => ({
    ...{ host: '127.0.0.1', port: inner.address().port, pollSeconds: 1 },
    registers: [{ metric, address, factor: 0.1 }],
  })
  const meter = (nth: number, modbus: object) => ({
    ...{ id: `meter-${nth}`, kind: 'electricity-meter', modbus },
    name: { zh: '电表', en: 'Meter' },
  })
  t.match((await first.ask('POST', '/devices', meter(1, { host: '127.0.0.1', registers: [] }))).body.error?.details, [
    { field: 'body.modbus.registers' },
  ])
  const registered = await first.ask('POST', '/devices', meter(1, map('powerWatts', 23)))
  t.equal(registered.status, 201)
  t.equal(registered.body.credentials, undefined, 'it logs in nowhere')
  await first.ask('POST', '/devices', meter(2, map('powerWatts', 50)))
  const powerOf = async (ask: typeof first.ask, id: string) => {
    const row = (await ask('GET', '/devices')).body.items!.find((each) => each.id === id)
    return (row?.values as Record<string, { value: number }> | undefined)?.powerWatts?.value
  }
  await until('the first is read', async () => (await powerOf(first.ask, 'meter-1')) === 12.3)
  await until('the second too', async () => (await powerOf(first.ask, 'meter-2')) === 15)
  await until('they share a connection', async () => (await connections()) === 1)
  await first.app.stop()
  await until('nothing is read from a gateway that stopped', async () => (await connections()) === 0)

  const second = await open()
  await second.logIn(first.app.firstPassword!)
  await until('it is read again after a restart', async () => (await powerOf(second.ask, 'meter-1')) === 12.3)
  t.equal((await second.ask('DELETE', '/devices/meter-1')).status, 204)
  t.equal((await second.ask('DELETE', '/devices/meter-2')).status, 204)
  await until('and no more when it is gone', async () => (await connections()) === 0)
})
