import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../ports.ts'
import { endWithUs, nodeArguments } from '../process.ts'

/** A module of this folder that runs as a process, as TypeScript or built. */
export function entryPoint(name: string): string {
  return fileURLToPath(new URL(`./${name}.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url))
}

/**
 * Runs `work` while cameras play in a process of their own, `pid`, that is not counted.
 * @param entry module of this folder; its last argument is the port it listens on, and it says `ready`
 * @throws Error when the cameras end before they are ready
 */
export async function withCameras<T>(
  entry: string,
  args: ReadonlyArray<string | number>,
  work: (port: number, pid: number) => Promise<T>,
): Promise<T> {
  const [port] = await freePorts(1)
  const child = endWithUs(
    spawn(process.execPath, nodeArguments([entryPoint(entry), ...args.map(String), String(port)]), {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  )
  try {
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => line === 'ready' && resolve())
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`the cameras ended with code ${code}`)))
    })
    return await work(port!, child.pid!)
  } finally {
    child.kill('SIGKILL')
  }
}
