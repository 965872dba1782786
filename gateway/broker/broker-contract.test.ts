import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import mqtt from 'mqtt'
import pino from 'pino'
import t from 'tap'
import { defaultLimits, startBroker } from './broker.ts'
import { brokerContract, type ConnectClient, next } from './broker-contract.ts'
import { addCredential } from './credentials.ts'

function connectTo(port: number, login: mqtt.IClientOptions = {}): ConnectClient {
  return async (options, prepare) => {
    const client = mqtt.connect({ host: '127.0.0.1', port, reconnectPeriod: 0, ...login, ...options })
    prepare?.(client)
    await Promise.race([
      next(client, 'connect'),
      next(client, 'error').then(([error]) => {
        throw error
      }),
    ])
    return client
  }
}

t.test('the embedded broker is what the gateway needs', async (t) => {
  const dataDir = t.testdir()
  const credentialsFile = join(dataDir, 'clients')
  const { secret } = await addCredential(credentialsFile, { id: 'tester', role: 'gateway' })
  const broker = await startBroker({
    site: 'house',
    host: '127.0.0.1',
    port: 0,
    dataDir,
    credentialsFile,
    limits: defaultLimits,
    alarmTopics: [],
    logger: pino({ enabled: false }),
  })
  t.teardown(() => broker.stop())
  await brokerContract(t, connectTo(broker.port, { username: 'tester', password: secret }))
})

const isMissing = spawnSync('mosquitto', ['-h']).error !== undefined
const skip = isMissing && !process.env.CI ? 'mosquitto is not installed: apt-get install mosquitto' : false

t.test('Mosquitto is what the gateway needs', { skip }, async (t) => {
  const port = await freePort()
  const config = join(t.testdir(), 'mosquitto.conf')
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`)
  const mosquitto = spawn('mosquitto', ['-c', config, '-v'], { stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(async () => {
    mosquitto.kill()
    await once(mosquitto, 'exit')
  })
  let output = ''
  for await (const chunk of mosquitto.stderr) {
    output += chunk
    if (/running/.test(output)) break
  }
  t.match(output, /running/, 'Mosquitto has started')
  mosquitto.stderr.resume()
  await brokerContract(t, connectTo(port))
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
