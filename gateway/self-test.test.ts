import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import mqtt from 'mqtt'
import pino from 'pino'
import t from 'tap'
import { startApp } from './app.ts'
import { defaultLimits, startBroker } from './broker/broker.ts'
import { addCredentials } from './broker/credentials.ts'
import { parseSite } from './config/load.ts'
import { systemClock } from './core/clock.ts'
import { driverSchemas } from './drivers.ts'
import { startVendor } from './notifiers/testing.ts'
import { ensureGatewaySecret, secretFiles } from './secrets.ts'
import { until } from './testing/until.ts'

const logger = pino({ level: 'silent' })
const hourMs = 3600_000

interface Entry {
  subject: string
  transition: string
  topic: string
  data: { parts?: Array<{ part: string; id: string; state: string; reply?: string }>; alarm?: Record<string, unknown> }
}

t.test(
  'every week the chain from button to caregiver is tried, marked as a test; what fails is an alarm',
  async (t) => {
    let phoneWorks = true
    const phone = await startVendor(t, () => (phoneWorks ? { body: { id: 'm' } } : { status: 403 }))
    const dataDir = t.testdir()
    mkdirSync(join(dataDir, 'broker'))
    await ensureGatewaySecret(dataDir, { publish: [], subscribe: [] })
    const credentialsFile = secretFiles(dataDir).credentials
    const [sos] = await addCredentials(credentialsFile, [{ id: 'sos-1', role: 'device' }])
    const broker = await startBroker({
      ...{ site: 'garden', host: '127.0.0.1', port: 0, dataDir: join(dataDir, 'broker'), credentialsFile },
      ...{ limits: defaultLimits, alarmTopics: [], logger },
    })
    t.teardown(() => broker.stop())
    const config = parseSite(
      `
site: { id: garden, name: { zh: 江畔花园, en: Riverside Gardens } }
dataDir: ${dataDir}
http: { port: 0 }
mqtt: { port: ${broker.port} }
buildings: [{ id: b1, name: { zh: 1 号楼, en: Building 1 } }]
devices:
  - { id: sos-1, name: { zh: 按钮, en: Button }, kind: sos, place: { building: b1 }, heartbeatSeconds: 8640000 }
speakers:
  - id: hall
    name: { zh: 大堂喇叭, en: Hall speaker }
    place: { building: b1 }
    driver: rtp-multicast
    options: { address: 239.255.71.9, port: 5998, interface: 127.0.0.1 }
notifiers: [{ id: phones, name: { zh: 手机, en: Phones }, driver: ntfy, options: { url: "${phone.url}" } }]
people: [{ id: caregiver-a, name: 护理员甲, duty: caregiver, channels: [{ notifier: phones, address: a }] }]
escalation: { alarms: [{ kinds: ["*"], chain: all }] }
chains: [{ id: all, steps: [{ afterSeconds: 0, tell: [caregiver-a], severities: [informational] }] }]
`,
      'site.yaml',
      driverSchemas,
    )
    let aheadMs = 0
    const now = () => Date.now() + aheadMs
    const app = await startApp({ config, logger, clock: { ...systemClock, now } })
    t.teardown(() => app.stop())
    let cookie = ''
    let csrfToken = ''
    async function ask(path: string, body?: unknown) {
      const response = await fetch(`${app.url}/api/v1${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          cookie,
          'x-csrf-token': csrfToken,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie
      return { status: response.status, ...((await response.json()) as object) } as {
        status: number
        items: Array<Record<string, unknown>>
        entries: Entry[]
      }
    }
    const logIn = async () => {
      const session: object = await ask('/session', { name: 'admin', password: app.firstPassword })
      csrfToken = (session as { csrfToken: string }).csrfToken
    }
    const entries = async () => (await ask('/journal?after=0&limit=500')).entries
    const results = async () => (await entries()).filter(({ subject }) => subject === 'self-test')
    /** To ten o'clock in Shanghai on the next Wednesday, a minute past. */
    function toTheHour(): void {
      const weekMs = 7 * 24 * hourMs
      // 1970-01-07 was a Wednesday.
      const first = Date.UTC(1970, 0, 7, 2, 1)
      aheadMs = first + (Math.floor((now() - first) / weekMs) + 2) * weekMs - Date.now()
    }

    const button = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, {
      ...{ clientId: 'sos-1', username: 'sos-1', password: sos!.secret, reconnectPeriod: 500 },
    })
    t.teardown(() => button.endAsync(true))
    button.on('error', () => {})
    await until('the button is online', () => button.connected)
    await button.publishAsync('site/garden/sos-1/up', JSON.stringify({ values: { batteryPercent: 90 } }), { qos: 1 })
    await logIn()
    await until('the button was heard', async () => (await ask('/devices')).items[0]?.lastSeenAt)
    t.same(await results(), [], 'not before its hour')

    toTheHour()
    await logIn()
    const passed = await until('the first test has ended', async () => (await results())[0], 90_000)
    t.equal(passed.transition, 'self-test-passed')
    const states = passed.data.parts!.map(({ part, id, state }) => `${part} ${id} ${state}`)
    for (const expected of ['button sos-1 ok', 'broker mqtt ok', 'speaker hall ok', 'person caregiver-a phones ok'])
      t.ok(states.includes(expected), expected)
    t.equal(phone.received.length, 1, 'the drill tells by its own message alone, whatever the chains say')
    const [{ headers, body }] = phone.received as [(typeof phone.received)[number]]
    const said = decodeURIComponent(JSON.stringify(headers)) + body.toString()
    t.match(said, /测试|TEST|=\?UTF-8/i)
    t.match(body.toString(), /无需处理[\s\S]*nothing to do/)
    const drill = (await ask('/alarms?kind=self_test&limit=5')).items[0]
    t.match(drill, { severity: 'informational', isActive: false, isAcknowledged: true, caseId: undefined })
    t.match(drill?.why, [{ key: 'self-test-running' }])
    t.same((await ask('/alarms?kind=self_test_failed&limit=5')).items, [])

    phoneWorks = false
    toTheHour()
    await logIn()
    const failed = await until('the second has ended', async () => (await results())[1], 90_000)
    t.equal(failed.transition, 'self-test-failed')
    t.match(
      failed.data.parts!.find(({ part }) => part === 'person'),
      { id: 'caregiver-a phones', state: 'failed' },
    )
    const failures = () => ask('/alarms?kind=self_test_failed&limit=5')
    t.match((await until('the alarm', async () => (await failures()).items[0])) as object, {
      severity: 'medium',
      isActive: true,
      why: [{ key: 'self-test-failed', parts: /caregiver-a phones/ }],
    })

    phoneWorks = true
    toTheHour()
    await logIn()
    await until('the third has passed', async () => (await results())[2]?.transition === 'self-test-passed', 90_000)
    t.match((await failures()).items, [{ isActive: false }], 'the next that passes ends the alarm')

    const begun = await Promise.all([ask('/self-test', {}), ask('/self-test', {})])
    const passes = (rows: Entry[]) => rows.filter(({ transition }) => transition === 'self-test-passed').length
    t.same(begun.map(({ status }) => status).sort(), [202, 409], 'asked for twice, one runs')
    t.match(
      begun.find(({ status }) => status === 409),
      { error: { code: 'refused', phrase: { key: 'self-test-running' } } },
    )
    await until('the one asked for has passed', async () => passes(await results()) === 3, 90_000)
    t.match(await ask('/self-test'), { isRunning: false, last: { isPassed: true, endedAt: String } })
    const { last } = (await ask('/self-test')) as unknown as { last: { parts: object[] } }
    t.match(last.parts[0], { part: 'button', phrases: [{ key: 'button-heard', at: /^2/ }] })
    t.equal(
      (await ask('/journal?after=0&limit=500')).entries.filter(({ transition }) => transition === 'self-test-begun')
        .length,
      1,
    )
  },
)
