import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A port nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Resolves when something accepts connections on the port; rejects after `withinMs`. */
export async function untilListening(port: number, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    if (Date.now() > deadline) throw new Error(`nothing listens on port ${port}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export interface Mosquitto {
  url: string
  port: number
  child: ChildProcess
  stop(): Promise<void>
}

/** Debian's Mosquitto on loopback, without persistence; the test fails when it is not installed. */
export async function startMosquitto(port?: number): Promise<Mosquitto> {
  const listen = port ?? (await freePort())
  const dir = mkdtempSync(join(tmpdir(), 'gridgate-mosquitto-'))
  const config = join(dir, 'mosquitto.conf')
  writeFileSync(config, `listener ${listen} 127.0.0.1\nallow_anonymous true\npersistence false\n`)
  const child = spawn('mosquitto', ['-c', config], { stdio: 'ignore' })
  const failed = new Promise<never>((_, reject) =>
    child.once('error', (error) =>
      reject(new Error('mosquitto is not installed: apt-get install mosquitto', { cause: error })),
    ),
  )
  await Promise.race([untilListening(listen), failed])
  return {
    url: `mqtt://127.0.0.1:${listen}`,
    port: listen,
    child,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await ended
      }
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
