import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { demoSite, startCompound } from '../compound.ts'
import { logIn } from '../console-client.ts'
import { compoundPorts } from '../ports.ts'
import { residentBytes } from './process-cpu.ts'
import { createRawDevices } from './raw-devices.ts'
import { type BenchResult, quantile, rounded, textTable } from './report.ts'

export const name = 'storm'

/** How long the alarm may take before the measurement gives up. */
const patienceMs = 120_000

/**
 * After a power cut 5,000 devices come back at once, each with its credentials, birth message and a first report, while
 * it smokes in one flat: how long until the alarm is on the console, and how much memory the storm takes.
 */
export async function run({ quick }: { quick: boolean }): Promise<BenchResult> {
  const count = quick ? 300 : 5_000
  const rounds = quick ? 1 : 3
  const dir = mkdtempSync(join(tmpdir(), 'gridgate-storm-'))
  const ports = await compoundPorts()
  const ids = Array.from({ length: count }, (_, n) => `climate-${n + 1}`)
  const detectors = Array.from({ length: rounds }, (_, n) => `smoke-${n + 1}`)
  const entry = (kind: string) => (id: string, n: number) => ({
    id,
    kind,
    name: { zh: id, en: id },
    place: { building: 'b1', floor: String((n % 30) + 1), flat: id },
  })
  const compound = await startCompound({
    dir,
    lifts: 1,
    devices: 0,
    ports,
    site: { devices: [...ids.map(entry('climate')), ...detectors.map(entry('smoke'))], elders: [] },
  })
  const secret = (id: string) => compound.deviceSecrets[id]!
  const devices = createRawDevices({
    port: ports.mqtt,
    site: demoSite,
    devices: ids.map((id) => ({ id, secret: secret(id) })),
  })
  const report = JSON.stringify({ values: { temperatureCelsius: 21.5, humidityPercent: 48, batteryPercent: 93 } })
  try {
    const client = await logIn(compound.consoleUrl, 'admin', compound.firstPassword!)
    const alarms = new Map<string, number>()
    const stopWatching = await client.watch(({ entry }) => {
      const alarm = entry?.data.alarm as { source: { id: string } } | undefined
      if (entry?.transition === 'raised' && alarm) alarms.set(alarm.source.id, Date.now())
    })
    await devices.connect()
    const idle = residentBytes(compound.gateway.pid!) + residentBytes(compound.broker!.pid!)
    let peak = idle
    const smokeAlarmMs: number[] = []
    const reconnectedMs: number[] = []
    for (const detector of detectors) {
      const button = await mqtt.connectAsync(`mqtt://127.0.0.1:${ports.mqtt}`, {
        clientId: detector,
        username: detector,
        password: secret(detector),
      })
      devices.cut()
      const begun = Date.now()
      const back = devices.connect().then(() => {
        reconnectedMs.push(Date.now() - begun)
        for (const id of ids) devices.publish(id, `site/${demoSite}/${id}/up`, report)
      })
      // In the thick of it.
      await new Promise((resolve) => setTimeout(resolve, 300))
      const smokedAt = Date.now()
      const smoke = JSON.stringify({ at: new Date().toISOString(), values: { isSmoke: true } })
      void button.publishAsync(`site/${demoSite}/${detector}/up`, smoke, { qos: 1 }).catch(() => {})
      while (!alarms.has(detector) && Date.now() < smokedAt + patienceMs) {
        await new Promise((resolve) => setTimeout(resolve, 10))
        peak = Math.max(peak, residentBytes(compound.gateway.pid!) + residentBytes(compound.broker!.pid!))
      }
      smokeAlarmMs.push((alarms.get(detector) ?? Number.POSITIVE_INFINITY) - smokedAt)
      await back
      await button.endAsync(true)
    }
    stopWatching()
    return {
      metrics: {
        smokeAlarmMs: Math.max(...smokeAlarmMs),
        rssBytes: peak,
        idleRssBytes: idle,
        devices: count,
        reconnectedMs: Math.round(quantile(reconnectedMs, 0.5)),
      },
      peers: {},
      notes: [
        `${rounds} storm(s); the slowest alarm is reported; memory is that of gateway and broker at the worst moment`,
        'the detector that smokes kept its connection; all others came back at once with a birth message and a report',
      ],
      table: textTable([
        ['storm', 'devices', 'back after ms', 'smoke → console ms'],
        ...smokeAlarmMs.map((each, n) => [n + 1, count, reconnectedMs[n] ?? '', rounded(each)]),
        ['memory MB', '', `idle ${rounded(idle / 1e6)}`, `peak ${rounded(peak / 1e6)}`],
      ]),
    }
  } finally {
    devices.cut()
    await compound.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}
