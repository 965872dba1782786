import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { demoSite, startCompound } from '../compound.ts'
import { createFleet } from '../devices/fleet.ts'
import { compoundPorts } from '../ports.ts'
import { type BenchResult, quantile, rounded, textTable } from './report.ts'
import { keepStalled } from './stalled-subscriber.ts'

export const name = 'sos'

const messagesPerSecond = 2_000
/** A channel takes 60 messages a minute: more presses would measure its limit. */
const betweenMs = 1_100
/** A port nothing listens on (discard). */
const nobody = 'http://127.0.0.1:9'
const contactOf = (n: number) => `caregiver-${n + 1}`

/**
 * From the button's message to the first request at the caregiver's channel, on a bad day: 2,000 messages a second,
 * one subscriber that has stopped reading, the database of measurements and the city out of reach. Each button belongs
 * to another elder with a caregiver of their own, so that no message is grouped with another.
 */
export async function run({ quick }: { quick: boolean }): Promise<BenchResult> {
  const presses = quick ? 8 : 100
  const sensors = 200
  const dir = mkdtempSync(join(tmpdir(), 'gridgate-sos-'))
  const ports = await compoundPorts()
  const buttons = Array.from({ length: presses }, (_, n) => `sos-${n + 1}`)
  const background = Array.from({ length: sensors }, (_, n) => ({ id: `climate-${n + 1}`, kind: 'climate' }))
  const place = (n: number) => ({ building: 'b1', floor: String((n % 30) + 1), flat: `${(n % 30) + 1}0${n % 7}` })
  const compound = await startCompound({
    dir,
    lifts: 1,
    devices: 0,
    ports,
    caregivers: [],
    site: {
      devices: [
        ...background.map(({ id, kind }) => ({ id, kind, name: { zh: id, en: id }, place: { building: 'b1' } })),
        ...buttons.map((id, n) => ({ id, kind: 'sos', name: { zh: id, en: id }, place: place(n) })),
      ],
      elders: buttons.map((id, n) => ({
        id: `elder-${n + 1}`,
        name: `长者 ${n + 1}`,
        place: place(n),
        devices: [id],
        contacts: [contactOf(n)],
        consents: { city: true, health: true, recordedAt: '2026-01-31', recordedBy: '值班员' },
      })),
      people: buttons.map((_, n) => ({
        id: contactOf(n),
        name: `护理员 ${n + 1}`,
        duty: 'caregiver',
        channels: [{ notifier: 'phones', address: contactOf(n) }],
      })),
      telemetry: { influx: { url: nobody, bucket: 'gridgate', org: 'gridgate' } },
    },
    platformBehaviour: { isAway: true },
  })
  const url = `mqtt://127.0.0.1:${ports.mqtt}`
  const fleet = createFleet({
    url,
    site: demoSite,
    devices: background,
    secrets: compound.deviceSecrets,
    everyMs: (sensors * 1000) / messagesPerSecond,
  })
  const stalled = await keepStalled(ports.mqtt, join(dir, 'gateway'))
  try {
    await fleet.start()
    const clients = await Promise.all(
      buttons.map((id) =>
        mqtt.connectAsync(url, {
          clientId: id,
          username: id,
          password: compound.deviceSecrets[id]!,
          reconnectPeriod: 0,
        }),
      ),
    )
    const before = { at: Date.now(), acknowledged: fleet.acknowledged }
    const pressedAt: number[] = []
    for (const [n, client] of clients.entries()) {
      await new Promise((resolve) => setTimeout(resolve, betweenMs * (0.95 + Math.random() * 0.1)))
      pressedAt.push(Date.now())
      const press = JSON.stringify({ at: new Date().toISOString(), values: { sosPress: 'single' } })
      void client.publishAsync(`site/${demoSite}/${buttons[n]}/up`, press, { qos: 1 }).catch(() => {})
    }
    const deadline = Date.now() + 20_000
    while (compound.caregivers.received.length < presses && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 100))
    const rate = ((fleet.acknowledged - before.acknowledged) * 1000) / (Date.now() - before.at)
    await Promise.all(clients.map((client) => client.endAsync(true)))
    const latencies = pressedAt.flatMap((at, n) => {
      const told = compound.caregivers.received.find(({ to }) => to === contactOf(n))
      return told ? [told.at - at] : []
    })
    return {
      metrics: {
        buttonToNotifyP99Ms: rounded(quantile(latencies, 0.99)),
        buttonToNotifyP50Ms: rounded(quantile(latencies, 0.5)),
        presses,
        told: latencies.length,
        telemetryPerSecond: rounded(rate),
      },
      peers: {},
      notes: [
        `${rounded(rate)} messages/s acknowledged; one subscriber not reading; InfluxDB and the city out of reach`,
        `${compound.caregivers.received.length} requests reached the caregiver's channel for ${presses} presses`,
        'buttons, sensors and the channel are simulated on the same machine',
      ],
      table: textTable([
        ['milliseconds', 'n', 'p50', 'p95', 'p99'],
        [
          'button → first attempt to tell',
          latencies.length,
          rounded(quantile(latencies, 0.5)),
          rounded(quantile(latencies, 0.95)),
          rounded(quantile(latencies, 0.99)),
        ],
      ]),
    }
  } finally {
    stalled.end()
    await fleet.stop()
    await compound.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}
