import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { createGridPlatform } from '../simulators/grid-platform/platform.ts'
import { createBridge } from './app.ts'
import { readBridgeConfig } from './config.ts'
import { createGatewayPeer } from './testing/gateway-peer.ts'

t.setTimeout(300_000)
const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const secret = 'a-secret-of-the-demo-site'

async function run(argv: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...argv], { env: { ...process.env, ...env } })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk
    })
  const [code] = await once(child, 'close')
  t.notMatch(output, /\n {4}at /, 'no stack traces')
  return { code, output }
}

t.test('everything wrong with the configuration is said at once, with its place', async (t) => {
  const wrong = {
    site: 'Demo!',
    gateway: { url: 'ftp://x', token: 't' },
    upstreams: [{ name: 'a', kind: 'open312', url: 'https://grid.example.org', keyId: 'k', secret: 'short', polMs: 1 }],
  }
  try {
    readBridgeConfig(wrong, 'site.yaml')
    t.fail('must be refused')
  } catch (error) {
    const { message } = error as Error
    t.match(message, 'site.yaml')
    for (const path of [
      'site',
      'dataDir',
      'gateway.url',
      'upstreams[0].kind',
      'upstreams[0].secret',
      'upstreams[0].polMs',
    ])
      t.ok(message.includes(path), path)
    t.notMatch(message, 'short', 'a secret is never repeated')
  }
})

t.test('plain http is for the loopback only, and names are unique', async (t) => {
  const upstream = { name: 'a', kind: 'grid-rest', url: 'http://grid.example.org', keyId: 'k', secret }
  const base = { site: 'demo', dataDir: 'd', gateway: { url: 'http://127.0.0.1:1', token: 't' } }
  t.throws(() => readBridgeConfig({ ...base, upstreams: [upstream] }, 'f'), /upstreams\[0\]\.url: must be https/)
  const local = { ...upstream, url: 'http://127.0.0.1:1/grid/v1' }
  t.throws(() => readBridgeConfig({ ...base, upstreams: [local, local] }, 'f'), /used twice/)
  t.match(readBridgeConfig({ ...base, upstreams: [local] }, 'f'), { evidence: 'all', upstreams: [{ pollMs: 15_000 }] })
})

t.test('the program ends with 78 for a wrong configuration and 1 for a port in use, in words', async (t) => {
  const dir = t.testdir({ 'wrong.yaml': 'site: demo\n' })
  const wrong = await run(['--config', join(dir, 'wrong.yaml')])
  t.equal(wrong.code, 78)
  t.match(wrong.output, /wrong\.yaml: 1 problem\n.*dataDir, gateway/)
  t.equal((await run(['--config', join(dir, 'missing.yaml')])).code, 78)

  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const address = taken.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const config = {
    cloudBridge: {
      site: 'demo',
      dataDir: join(dir, 'data'),
      gateway: { url: 'http://127.0.0.1:1' },
      http: { port },
    },
  }
  writeFileSync(join(dir, 'bridge.yaml'), JSON.stringify(config))
  const busy = await run(['--config', join(dir, 'bridge.yaml')], { GRIDGATE_BRIDGE_TOKEN: 'token' })
  t.equal(busy.code, 1)
  t.match(busy.output, /port is in use/)
})

t.test('parked rows are listed and sent again from the command line while the bridge runs', async (t) => {
  const dir = t.testdir({ 'secret.txt': `${secret}\n` })
  const gateway = await createGatewayPeer('demo')
  t.teardown(() => gateway.close())
  const platform = await createGridPlatform({
    port: 0,
    dataDir: join(dir, 'platform'),
    secrets: { demo: { secret, site: 'demo' } },
    behaviour: { refuseTypes: ['ebike_in_elevator'] },
  })
  t.teardown(() => platform.stop())
  const upstream = { name: 'street', kind: 'grid-rest', url: platform.url, keyId: 'demo', pollMs: 100 }
  const config = {
    site: 'demo',
    dataDir: join(dir, 'data'),
    gateway: { url: gateway.url, token: gateway.token },
    retry: { minMs: 10, maxMs: 100 },
  }
  const bridge = await createBridge({ config: { ...config, upstreams: [{ ...upstream, secret }] } })
  t.teardown(() => bridge.stop())
  await bridge.start()
  gateway.report()
  const until = async (holds: () => unknown) => {
    for (const end = Date.now() + 60_000; !holds() && Date.now() < end; )
      await new Promise((resolve) => setTimeout(resolve, 20))
    t.ok(holds())
  }
  await until(() => bridge.parked().length === 1)
  const file = join(dir, 'bridge.yaml')
  const withSecretFile = { ...upstream, secretFile: join(dir, 'secret.txt') }
  writeFileSync(file, JSON.stringify({ ...config, upstreams: [withSecretFile] }))
  const listed = await run(['parked', '--config', file])
  t.match(listed.output, /1\tparked at street\topen\tcase .*422/)
  t.match(listed.output, '1 parked, 0 stuck, 0 refused by the gateway')
  platform.behave({ refuseTypes: [] })
  t.match(await run(['resend', '1', '--config', file]), { code: 0, output: /will be sent again/ })
  await until(() => platform.ledger().cases.length === 1)
  t.match(await run(['resend', '99', '--config', file]), { code: 1, output: /row 99 is not parked/ })
})
