import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

/** Real time series engines from Debian, on loopback, in a directory of their own, gone with the test. */
export interface Engine {
  url: string
}

const programs = { influxd: '/usr/bin/influxd', 'victoria-metrics': '/usr/bin/victoria-metrics' } as const

/**
 * Whether a real engine is installed. Where it is not, the test is skipped with the command that installs it; under CI it
 * fails.
 */
export function hasEngine(t: Test, program: keyof typeof programs, debianPackage: string): boolean {
  if (existsSync(programs[program])) return true
  const cure = `${program} is missing: apt-get install ${debianPackage}`
  if (process.env.CI) t.fail(cure)
  else t.plan(0, cure)
  return false
}

/** Starts influxd 1.x and answers with its address once it listens. */
export async function startInfluxd(t: Test, directory: string): Promise<Engine> {
  mkdirSync(directory, { recursive: true })
  const config = join(directory, 'influxd.toml')
  const path = (name: string) => JSON.stringify(join(directory, name))
  writeFileSync(
    config,
    `reporting-enabled = false
bind-address = "127.0.0.1:0"
[meta]
dir = ${path('meta')}
[data]
dir = ${path('data')}
wal-dir = ${path('wal')}
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:0"
log-enabled = false
`,
  )
  const child = spawn(programs.influxd, ['-config', config], { stdio: ['ignore', 'ignore', 'pipe'] })
  endWith(t, child)
  const lines = createInterface({ input: child.stderr })
  const address = await new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      const [, found] = (line.includes('HTTP') && line.match(/addr=(127\.0\.0\.1:\d+)/)) || []
      if (found) resolve(found)
    })
    child.once('exit', (code) => reject(new Error(`influxd ended with ${code}`)))
  })
  const url = `http://${address}`
  await untilAnswers(`${url}/ping`, child)
  return { url }
}

/** Starts VictoriaMetrics and answers with its address once it listens. */
export async function startVictoriaMetrics(t: Test, directory: string): Promise<Engine> {
  const port = await freePort()
  const child = spawn(
    programs['victoria-metrics'],
    [`-storageDataPath=${directory}`, `-httpListenAddr=127.0.0.1:${port}`, '-search.latencyOffset=0s'],
    { stdio: 'ignore' },
  )
  endWith(t, child)
  const url = `http://127.0.0.1:${port}`
  await untilAnswers(`${url}/health`, child)
  return { url }
}

/**
 * Stands in front of influxd 1.x and gives it the write address of InfluxDB 2: `/api/v2/write?bucket=B` becomes
 * `/write?db=B`. Everything else passes as it is.
 */
export async function startRewritingProxy(t: Test, engine: Engine): Promise<Engine> {
  const target = new URL(engine.url)
  const server = createServer((incoming, outgoing) => {
    const address = new URL(incoming.url ?? '/', engine.url)
    if (address.pathname === '/api/v2/write') {
      address.pathname = '/write'
      address.searchParams.set('db', address.searchParams.get('bucket') ?? '')
      address.searchParams.delete('bucket')
      address.searchParams.delete('org')
    }
    const passed = request(
      {
        host: target.hostname,
        port: target.port,
        method: incoming.method,
        path: address.pathname + address.search,
        headers: incoming.headers,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      },
    )
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  return { url: await listen(t, server) }
}

/** Lets a server listen on a free port of loopback until the test ends. */
export async function listen(t: Test, server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function endWith(t: Test, child: ChildProcess): void {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
}

async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function untilAnswers(url: string, child: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    if (child.exitCode !== null) throw new Error(`the engine ended with ${child.exitCode}`)
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${url} does not answer`)
}
