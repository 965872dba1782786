import type { HealthReport } from './api/schemas/index.ts'
import type { CameraStatus } from './core/ports.ts'

export interface HealthParts {
  link: { readonly isConnected: boolean }
  cameras: { list(): ReadonlyArray<{ status(): CameraStatus }> }
  detector: { stats(): { workersReady: number; workers: number } }
  alarms: { unstored(): { kept: number } }
  isMqttExternal: boolean
}

/** What `GET /health` says: failing when nothing can be seen or heard or an alarm not stored, degraded when part of it cannot. */
export function createHealth(parts: HealthParts): () => HealthReport {
  return () => {
    const statuses = parts.cameras.list().map((camera) => camera.status())
    const down = statuses.filter(({ state }) => state === 'down').length
    const { workersReady, workers } = parts.detector.stats()
    const { kept } = parts.alarms.unstored()
    const report: HealthReport['parts'] = [
      kept === 0
        ? { name: 'store', state: 'ok' }
        : {
            name: 'store',
            state: 'failing',
            message: `${kept} alarms could not be stored and are kept in memory; is the disk full?`,
          },
      parts.link.isConnected
        ? { name: 'mqtt', state: 'ok' }
        : { name: 'mqtt', state: 'degraded', message: 'no connection to the MQTT broker' },
      down === 0
        ? { name: 'cameras', state: 'ok' }
        : { name: 'cameras', state: 'degraded', message: `${down} of ${statuses.length} cameras are down` },
      workersReady === workers
        ? { name: 'inference', state: 'ok' }
        : {
            name: 'inference',
            state: workersReady === 0 ? 'failing' : 'degraded',
            message: `${workersReady} of ${workers} inference workers are ready`,
          },
    ]
    const worst = report.some(({ state }) => state === 'failing')
      ? 'failing'
      : report.some(({ state }) => state === 'degraded')
        ? 'degraded'
        : 'ok'
    return { state: worst, parts: report }
  }
}
