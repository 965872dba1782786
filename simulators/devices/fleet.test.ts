import { join } from 'node:path'
import pino from 'pino'
import t, { type Test } from 'tap'
import { defaultLimits, startBroker } from '../../gateway/broker/broker.ts'
import { addCredentials } from '../../gateway/broker/credentials.ts'
import { createFleet } from './fleet.ts'

const ids = Array.from({ length: 300 }, (_, n) => `climate-${n + 1}`)

async function brokerWithLogins(t: Test) {
  const dataDir = t.testdir()
  const credentialsFile = join(dataDir, 'clients')
  const made = await addCredentials(
    credentialsFile,
    ids.map((id) => ({ id, role: 'device' })),
  )
  const broker = await startBroker({
    ...{ site: 'garden', host: '127.0.0.1', port: 0, dataDir, credentialsFile, alarmTopics: [] },
    ...{ limits: { ...defaultLimits, pendingLogins: 1 }, logger: pino({ level: 'silent' }) },
  })
  t.teardown(() => broker.stop())
  return { broker, secrets: Object.fromEntries(made.map(({ id, secret }) => [id, secret])) }
}

t.test('hundreds of devices, none of which tries twice when it is refused, all come online and report', async (t) => {
  const { broker, secrets } = await brokerWithLogins(t)
  const fleet = createFleet({
    ...{ url: `mqtt://127.0.0.1:${broker.port}`, site: 'garden', secrets, everyMs: 3600_000 },
    devices: ids.map((id) => ({ id, kind: 'climate' })),
  })
  t.teardown(() => fleet.stop())
  await fleet.start()
  t.equal(broker.metrics().clients, ids.length)
  await fleet.report('climate-300', { temperatureCelsius: 21 })
  t.ok(fleet.acknowledged >= 1)
})

t.test('a fleet that cannot come online says who and why instead of waiting for ever', async (t) => {
  const { broker, secrets } = await brokerWithLogins(t)
  const fleet = createFleet({
    ...{ url: `mqtt://127.0.0.1:${broker.port}`, site: 'garden', everyMs: 3600_000, patienceMs: 2_000 },
    secrets: { ...secrets, 'climate-2': 'not its password' },
    devices: ['climate-1', 'climate-2'].map((id) => ({ id, kind: 'climate' })),
  })
  t.teardown(() => fleet.stop())
  await t.rejects(fleet.start(), { message: /not online .*climate-.: .+/ })
})
