import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { dirname } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'

export interface ProcessOptions {
  name: string
  /** TypeScript entry and its arguments. */
  args: readonly string[]
  /** It stands once a line of its output matches. */
  isReady: RegExp
  logFile: string
  /** Starts it again after it died, as a supervisor in production does. */
  restarts: boolean
  onLine?(line: string): void
  env?: NodeJS.ProcessEnv
}

/** A process of the compound, kept alive like a systemd unit would. */
export interface SupervisedProcess {
  readonly name: string
  readonly pid: number | undefined
  /** Times it was started. */
  readonly starts: number
  /** Resolves when it stands; rejects with its last words when it exits before that at the first start. */
  start(): Promise<void>
  /** kill -9; it comes back by itself when it is supervised. */
  kill(): void
  /** Resolves when it stands again. */
  untilReady(): Promise<void>
  stop(): Promise<void>
}

const restartAfterMs = 300
const stopWithinMs = 4_500
const keptLines = 20

/** How a TypeScript (or compiled) entry of this checkout is started. */
export function nodeArguments(args: readonly string[]): string[] {
  return [...process.execArgv, ...args]
}

/** A child that does not outlive this process, unless that is killed with SIGKILL. */
export function endWithUs<Child extends ChildProcess>(child: Child): Child {
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  child.once('exit', () => process.off('exit', end))
  return child
}

export function superviseProcess(options: ProcessOptions): SupervisedProcess {
  let child: ChildProcess | undefined
  let log: WriteStream | undefined
  let starts = 0
  let isStopping = false
  let isStanding = false
  let ready = newReady()
  const lastLines: string[] = []

  function newReady() {
    let resolve!: () => void
    let reject!: (error: Error) => void
    const promise = new Promise<void>((yes, no) => {
      resolve = yes
      reject = no
    })
    promise.catch(() => {})
    return { promise, resolve, reject }
  }

  function launch(): void {
    starts++
    const current = endWithUs(
      spawn(process.execPath, nodeArguments(options.args), {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...options.env },
      }),
    )
    child = current
    for (const stream of [current.stdout, current.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        log?.write(`${line}\n`)
        lastLines.push(line)
        if (lastLines.length > keptLines) lastLines.shift()
        options.onLine?.(line)
        if (!options.isReady.test(line)) return
        isStanding = true
        ready.resolve()
      })
    current.once('exit', (code, signal) => {
      if (child === current) child = undefined
      if (isStopping) return ready.reject(new Error(`${options.name} was stopped`))
      const hasFailedAtFirst = starts === 1 && code !== null && code !== 0
      if (!options.restarts || hasFailedAtFirst) {
        const end = signal ?? `exit code ${code}`
        return ready.reject(new Error(`${options.name} ended (${end})\n${lastLines.join('\n')}`))
      }
      awaitAnew()
      setTimeout(() => isStopping || launch(), restartAfterMs)
    })
  }

  /** From now on "ready" means the next time it stands; whoever waits already goes on waiting. */
  function awaitAnew(): void {
    if (!isStanding) return
    isStanding = false
    ready = newReady()
  }

  return {
    name: options.name,
    get pid() {
      return child?.pid
    },
    get starts() {
      return starts
    },
    start() {
      mkdirSync(dirname(options.logFile), { recursive: true })
      log = createWriteStream(options.logFile, { flags: 'a' })
      launch()
      return ready.promise
    },
    kill() {
      const ended = child
      if (!ended) return
      awaitAnew()
      ended.kill('SIGKILL')
    },
    untilReady: () => ready.promise,
    async stop() {
      isStopping = true
      const current = child
      if (current && current.exitCode === null && current.signalCode === null) {
        const ended = new Promise((resolve) => current.once('exit', resolve))
        current.kill('SIGTERM')
        const timer = setTimeout(() => current.kill('SIGKILL'), stopWithinMs)
        await ended
        clearTimeout(timer)
      }
      log?.end()
    },
  }
}
