import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Type } from 'typebox'
import { ConfigError } from '../core/errors.ts'
import { loadSite, parseSite } from './load.ts'
import { type DriverSchemas, siteSchema } from './schema.ts'

const drivers: DriverSchemas = {
  speakers: [
    {
      kind: 'rtp-multicast',
      options: Type.Object(
        { address: Type.String(), port: Type.Integer(), ttl: Type.Integer({ default: 1 }) },
        { additionalProperties: false },
      ),
    },
  ],
  scenes: [
    { kind: 'ebike-in-elevator', options: Type.Object({ minScore: Type.Number({ default: 0.5 }) }) },
    { kind: 'high-rise-throwing', options: Type.Object({}) },
  ],
  doors: [],
  notifiers: [
    { kind: 'ntfy', options: Type.Object({ url: Type.String() }, { additionalProperties: false }) },
    { kind: 'voice', options: Type.Object({}) },
  ],
  codecs: [{ kind: 'gridgate-json', options: Type.Object({}, { additionalProperties: false }) }],
}
const exampleFile = new URL('./example.yaml', import.meta.url)
const example = readFileSync(exampleFile, 'utf8')
const environment = { LIFT_CAM_PASSWORD: 'secret-of-the-camera' }

const lineOf = (start: string) => example.split('\n').findIndex((line) => line.startsWith(start)) + 1

const problemsOf = (text: string, env: NodeJS.ProcessEnv = environment, known = drivers) => {
  try {
    parseSite(text, 'site.yaml', known, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

t.test('the example is a valid site', async (t) => {
  const site = parseSite(example, 'example.yaml', drivers, environment)
  t.equal(site.cameras[0]?.password, 'secret-of-the-camera')
  t.match(site.cameras[0]?.place, { site: 'riverside', building: 'b1', unit: 'u1', lift: 'b1-u1-lift' })
  t.same(site.scenes[0]?.lifts, ['b1-u1-lift'], '"all" becomes the list')
  t.same(site.speakers[0]?.options, { address: '239.255.10.1', port: 5004, ttl: 1 }, 'the driver fills in its defaults')
  t.equal(site.disposal.length, 46)
})

t.test('the example shows every key there is', async (t) => {
  const names = new Set<string>()
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    const { properties, ...rest } = node as { properties?: Record<string, unknown> }
    for (const [name, child] of Object.entries(properties ?? {})) {
      names.add(name)
      collect(child)
    }
    for (const child of Object.values(rest)) collect(child)
  }
  collect(siteSchema({ ...drivers, speakers: [], scenes: [], notifiers: [] }))
  const missing = [...names].filter((name) => !new RegExp(`(^|[\\s{,])${name}:`, 'm').test(example))
  t.same(missing, [])
})

t.test('a file with nothing but a site uses defaults everywhere', async (t) => {
  const site = parseSite('site: { id: a, name: { zh: 一, en: A } }', 'a.yaml', drivers)
  t.equal(site.http.host, '127.0.0.1')
  t.equal(site.retention.evidenceMs, 30 * 24 * 3600_000)
  t.equal(site.mqtt.port, 1883)
})

t.test('every problem is told at once, with its path and line', async (t) => {
  const problems = problemsOf(
    example
      .replace('port: 8080', 'port: many')
      .replace('dataDir:', 'dataDri:')
      .replace('kind: smoke', 'kind: crystal-ball')
      .replace('evidenceDays: 30', 'evidenceDays: -1'),
  )
  t.match(problems, [
    { path: 'dataDri', line: lineOf('dataDir:'), message: /unknown key/ },
    { path: 'http.port', line: lineOf('  port: 8080') },
    { path: 'devices[0].kind', message: /must be one of smoke, gas, / },
    { path: 'retention.evidenceDays' },
  ])
})

t.test('twenty mistakes are twenty lines, not the first eight', async (t) => {
  const cameras = Array.from(
    { length: 20 },
    (_, index) => `  - { id: c${index}, name: { zh: 一, en: a }, url: 'http://x' }`,
  )
  const problems = problemsOf(`site: { id: a, name: { zh: 一, en: A } }\ncameras:\n${cameras.join('\n')}\n`)
  t.equal(problems.length, 20)
  t.equal(problems.at(-1)?.line, 22)
})

t.test('references, duplicates and secrets are checked', async (t) => {
  t.match(problemsOf(example.replace('place: { lift: b1-u1-lift } # b', 'place: { lift: b9 } # b')), [
    { path: 'cameras[0].place.lift', message: 'there is no lift "b9"' },
  ])
  t.match(problemsOf(example, {}), [
    { path: 'cameras[0].password', message: 'environment variable LIFT_CAM_PASSWORD is not set' },
  ])
  t.match(problemsOf(example.replace('rtsp://192.0.2.10/Streaming/Channels/101', 'rtsp://u:hunter2@192.0.2.10/a')), [
    { path: 'cameras[0].url', message: /holds credentials/ },
  ])
  t.match(problemsOf(example.replace('codec: gridgate-json', 'codec: telepathy')), [
    { path: 'devices[0].codec', message: /there is no "telepathy"; known are gridgate-json/ },
  ])
  t.match(problemsOf(example.replace('driver: rtp-multicast', 'driver: tin-can')), [
    { path: 'speakers[0].driver', message: /there is no "tin-can"; known are rtp-multicast/ },
  ])
  t.match(problemsOf(example.replace('{ address: 239.255.10.1, port: 5004 }', '{ addres: x, port: 1 }')), [
    { path: 'speakers[0].options.address', message: 'is missing' },
    { path: 'speakers[0].options.addres', message: /unknown key/ },
  ])
})

t.test('listening beyond loopback without TLS is refused', async (t) => {
  t.match(problemsOf(example.replace('host: 127.0.0.1 # beyond', 'host: 0.0.0.0 # beyond')), [
    { path: 'http.host', message: /without tls/ },
  ])
})

t.test('a broken or missing file says so without a stack', async (t) => {
  t.match(problemsOf('site: [\n'), [{ line: 2 }])
  t.throws(() => loadSite('/nowhere/site.yaml', drivers), { message: /there is no such file/ })
})

t.test('a secret can be a file beside the site file', async (t) => {
  const dir = t.testdir({ password: 'from-file\n' })
  writeFileSync(join(dir, 'site.yaml'), example.replace('{ env: LIFT_CAM_PASSWORD }', '{ file: password }'))
  t.equal(loadSite(join(dir, 'site.yaml'), drivers, {}).cameras[0]?.password, 'from-file')
})

t.test(
  'a secret that only a driver uses is missed when the file is checked, not when the speaker is needed',
  async (t) => {
    const password = Type.Object({ env: Type.String() }, { isSecret: true })
    const speaker = { kind: 'vapix', options: Type.Object({ password: Type.Optional(password) }) }
    const text = `site: { id: a, name: { zh: 一, en: A } }
speakers:
  - { id: s, name: { zh: 一, en: A }, driver: vapix, options: { password: { env: NO_SUCH_VARIABLE } } }
`
    t.match(problemsOf(text, {}, { ...drivers, speakers: [speaker] }), [
      { path: 'speakers[0].options.password', line: 3, message: 'environment variable NO_SUCH_VARIABLE is not set' },
    ])
  },
)

t.test('a reverse proxy is believed, and a scraper let in, only where the file says so', async (t) => {
  t.same(parseSite(example, 'site.yaml', drivers, environment).http.trustProxy, [])
  const text = example
    .replace('trustProxy: []', 'trustProxy: [127.0.0.1]')
    .replace('# metricsToken: { file: /etc/gridgate/metrics-token }', 'metricsToken: { env: SCRAPE }')
  const { http } = parseSite(text, 'site.yaml', drivers, { ...environment, SCRAPE: 'scrape' })
  t.match(http, { trustProxy: ['127.0.0.1'], metricsToken: 'scrape' })
  t.match(problemsOf(text), [{ path: 'http.metricsToken', message: 'environment variable SCRAPE is not set' }])
})

t.test('a site overrides disposal rows field by field', async (t) => {
  const site = parseSite(
    example.replace('report: after-property', 'report: at-once'),
    'site.yaml',
    drivers,
    environment,
  )
  const row = site.disposal.find(({ key }) => key === 'ebike_in_elevator')
  t.match(row, { report: 'at-once', severity: 'high', respondWithinMs: 300_000, source: 'site' })
  t.match(problemsOf(example.replace('key: ebike_in_elevator', 'key: flying_carpet')), [{ message: /needs name/ }])
})
