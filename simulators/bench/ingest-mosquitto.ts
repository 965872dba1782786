import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { nodeArguments } from '../process.ts'
import { startMosquitto } from './broker.ts'
import type { LoadResult } from './broker-load.ts'
import { treeCpuSeconds } from './process-cpu.ts'
import { rounded } from './report.ts'

/** QoS 1 messages through Mosquitto to a client that only acknowledges; undefined where it is not installed. */
export async function measureMosquitto(seconds: number): Promise<Record<string, number> | undefined> {
  if (spawnSync('mosquitto', ['-h']).error) return undefined
  const dir = mkdtempSync(join(tmpdir(), 'gridgate-ingest-mosquitto-'))
  const broker = await startMosquitto(dir)
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const entry = fileURLToPath(new URL(`./broker-load.${extension}`, import.meta.url))
  const target = JSON.stringify({ port: broker.port, password: 'unused' })
  const load = spawn(process.execPath, nodeArguments([entry, target]), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  try {
    const before = treeCpuSeconds(broker.process.pid!)
    const begun = performance.now()
    load.send({ scenario: 'qos1', seconds })
    const [{ figure }] = (await once(load, 'message')) as [LoadResult]
    const used = treeCpuSeconds(broker.process.pid!) - before
    return {
      messagesPerSecond: Math.round(figure),
      cpuCores: rounded((used * 1000) / (performance.now() - begun), 2),
    }
  } finally {
    load.kill('SIGKILL')
    broker.process.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
}
