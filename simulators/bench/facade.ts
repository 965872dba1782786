import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { renderScene } from '../facades/render.ts'
import { endWithUs, nodeArguments } from '../process.ts'
import { entryPoint, withCameras } from './camera-process.ts'
import { measureMotion, openCvCpuMs } from './facade-peers.ts'
import { machineCpuSeconds, ownCpuSeconds, treeCpuSeconds } from './process-cpu.ts'
import { type BenchResult, quantile, rounded, textTable } from './report.ts'

export const name = 'facade'

const execute = promisify(execFile)
/** An event this late after the object's last sight is too late. */
const latencyLimitMs = 1000
const lostLimit = 0.01
const fullRate = 25

interface Sample {
  up: number
  frames: number
  dropped: number
  alignMs: number
  backgroundMs: number
  blobMs: number
  trackMs: number
  latenciesMs: number[]
}

interface Run {
  cameras: number
  cpuCores: number
  /** Of it the gateway's process; the rest are the decoders. */
  gatewayCores: number
  /** Of the process that plays the cameras, not in `cpuCores`. */
  playingCores: number
  /** Of whatever else ran on the machine meanwhile. */
  otherCores: number
  framesPerSecond: number
  lostShare: number
  latencyP95Ms: number
  events: number
  stages: Pick<Sample, 'alignMs' | 'backgroundMs' | 'blobMs' | 'trackMs'>
}

/**
 * How many facade cameras one machine follows at every picture of 1080p25 and 4K25 (H.264 over RTSP), with camera readers
 * and the engine's thread as the gateway runs them. The cameras play in a process of their own that is not counted.
 */
export async function run({ quick }: { quick: boolean }): Promise<BenchResult> {
  const seconds = quick ? 6 : 30
  const clip = await benchClip(quick)
  const runs: Run[] = []
  let best: Run | undefined
  for (const cameras of quick ? [1] : [1, 2, 4, 6, 8, 10]) {
    const result = await withCameras('facade-cameras', [cameras, clip], (port, pid) =>
      measureWatch(cameras, { port, pid }, seconds),
    )
    runs.push(result)
    if (!isGood(result)) break
    best = result
  }
  const reached = best ?? runs[0]!
  const large = quick ? undefined : await largeCamera(clip, seconds)
  const decodeMs = await decodeCpuMs(clip, ['-f', 'null', '-'])
  const openCv = await openCvCpuMs(clip)
  const motion = await withCameras('facade-cameras', [1, clip], (port) => measureMotion(port, quick ? 6 : 20))
  const perFrame = (cores: number) => (cores * 1000) / Math.max(1, reached.framesPerSecond)
  const perFrameMs = perFrame(reached.cpuCores)
  const stages = Object.fromEntries(Object.entries(reached.stages).map(([stage, ms]) => [stage, rounded(ms, 2)]))
  const peers: BenchResult['peers'] = { 'ffmpeg -f null (decode only)': { msPerFrame: rounded(decodeMs, 2) } }
  if (openCv)
    peers['OpenCV MOG2 + contours'] = { msPerFrame: rounded(openCv.full, 2), msPerFrame540p: rounded(openCv.half, 2) }
  if (motion !== undefined) peers.motion = { msPerFrame: rounded((motion * 1000) / fullRate, 2) }
  const rows = runs.map((each) => [
    each.cameras,
    rounded(each.cpuCores, 2),
    rounded(each.cpuCores - each.gatewayCores, 2),
    rounded(each.gatewayCores, 2),
    rounded(each.playingCores, 2),
    rounded(each.otherCores, 2),
    rounded(each.framesPerSecond),
    `${rounded(each.lostShare * 100)} %`,
    each.events,
    rounded(each.latencyP95Ms, 0),
  ])
  return {
    metrics: {
      cameras1080p25: best?.cameras ?? 0,
      ...(large === undefined ? {} : { cameras4k25: isGood(large) ? 1 : 0, cpuCores4k25: rounded(large.cpuCores, 2) }),
      ...(Number.isNaN(reached.latencyP95Ms) ? {} : { eventLatencyP95Ms: rounded(reached.latencyP95Ms, 0) }),
      msPerFrame: rounded(perFrameMs, 2),
      otherCores: rounded(Math.max(...runs.map(({ otherCores }) => otherCores)), 2),
      decoderMs: rounded(perFrame(reached.cpuCores - reached.gatewayCores), 2),
      gatewayMs: rounded(perFrame(reached.gatewayCores), 2),
      ...stages,
      cameras1080p25At2Cores: Math.floor(2000 / (perFrameMs * fullRate)),
    },
    peers,
    notes: [
      `${seconds} s measured per step; a step holds when all cameras are up, at most ${lostLimit * 100} % of the pictures are lost and p95 latency is at most ${latencyLimitMs} ms`,
      'msPerFrame: CPU of everything per picture; decoderMs: of the children that decode and scale; gatewayMs: of the process that reads their pipes and follows the pictures',
      'stages: wall time in the engine’s threads, more than their CPU on a busy machine; players: the process that plays the cameras, not counted but on the same machine',
      'others: CPU of everything else on the machine meanwhile; a step that fails beside much of it says nothing',
      'latency: from the last sight of the object to the event, in the gateway’s clock',
      'cameras1080p25At2Cores: two cores divided by msPerFrame × 25, what the CPU would allow on a machine with nothing else to do',
      'OpenCV and decode-only: CPU per picture of the same file; motion: CPU of one camera at 25 pictures a second',
    ],
    table: [
      textTable([
        [
          'cameras',
          'CPU cores',
          'decoders',
          'gateway',
          '(players)',
          '(others)',
          'pictures/s',
          'lost',
          'events',
          'latency p95 ms',
        ],
        ...rows,
      ]),
      `engine, ms a picture: ${JSON.stringify(stages)}`,
      `CPU ms a picture: all ${rounded(perFrameMs, 2)}, decode only ${rounded(decodeMs, 2)}`,
      openCv
        ? `OpenCV MOG2 + contours: ${rounded(openCv.full, 2)} at 1080p, ${rounded(openCv.half, 2)} at 540p`
        : 'python3-opencv is not installed',
      motion === undefined ? 'motion is not installed' : `motion: ${rounded((motion * 1000) / fullRate, 2)}`,
      large ? `4K25: ${rounded(large.cpuCores, 2)} cores, ${rounded(large.lostShare * 100)} % lost` : '',
      `machine: ${cpus().length} cores`,
    ].join('\n'),
  }
}

const isGood = ({ latencyP95Ms, lostShare, framesPerSecond, cameras }: Run) =>
  !(latencyP95Ms > latencyLimitMs) && lostShare <= lostLimit && framesPerSecond > cameras * fullRate * 0.97

/** A facade with throws and birds, 1080p25, rendered once. */
async function benchClip(quick: boolean): Promise<string> {
  const dir = join(tmpdir(), 'gridgate-bench-facade')
  const file = join(dir, quick ? 'quick-1.mp4' : 'full-1.mp4')
  if (existsSync(file.replace('.mp4', '.json'))) return file
  mkdirSync(dir, { recursive: true })
  const seconds = quick ? 8 : 20
  await renderScene(
    {
      ...{ building: 203, seed: 7, width: 1920, framesPerSecond: fullRate, seconds, daylight: 'day', noise: 1.5 },
      throws: quick
        ? [{ at: 3, kind: 'bag' }]
        : [
            { at: 3, kind: 'bottle' },
            { at: 9, kind: 'bag' },
            { at: 14, kind: 'box' },
          ],
      ...{ distractors: ['birds'], disturbances: [] },
    },
    file,
  )
  return file
}

/** One camera of 3840 × 2160, the same scene enlarged. */
async function largeCamera(clip: string, seconds: number): Promise<Run> {
  const file = join(tmpdir(), 'gridgate-bench-facade', '4k-1.mp4')
  if (!existsSync(file)) {
    const coding = '-vf scale=3840:2160 -c:v libx264 -preset ultrafast -b:v 12M -g 50 -bf 0'.split(' ')
    await execute('ffmpeg', ['-y', '-v', 'error', '-i', clip, '-t', '12', ...coding, file])
  }
  return withCameras('facade-cameras', [1, file], (port, pid) => measureWatch(1, { port, pid }, seconds))
}

async function measureWatch(count: number, playing: { port: number; pid: number }, seconds: number): Promise<Run> {
  const args = [entryPoint('facade-watch'), count, playing.port].map(String)
  const child = endWithUs(spawn(process.execPath, nodeArguments(args), { stdio: ['ignore', 'pipe', 'inherit'] }))
  let last: Sample | undefined
  const latencies: number[] = []
  createInterface({ input: child.stdout! }).on('line', (line) => {
    last = JSON.parse(line) as Sample
    latencies.push(...last.latenciesMs)
  })
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  try {
    const deadline = Date.now() + 30_000 + count * 2000
    while ((last?.up ?? 0) < count && Date.now() < deadline) await pause(200)
    // The backgrounds are learnt first.
    await pause(4000)
    latencies.length = 0
    const before = { ...last! }
    const used = () => [
      treeCpuSeconds(child.pid!),
      ownCpuSeconds(child.pid!),
      ownCpuSeconds(playing.pid),
      machineCpuSeconds(),
    ]
    const usedBefore = used()
    const begun = performance.now()
    await pause(seconds * 1000)
    const elapsed = (performance.now() - begun) / 1000
    const cores = used().map((now, i) => (now - usedBefore[i]!) / elapsed)
    const [cpuCores, gatewayCores, playingCores, machineCores] = cores as [number, number, number, number]
    const after = last!
    const frames = after.frames - before.frames
    const dropped = after.dropped - before.dropped
    const perFrame = (of: (sample: Sample) => number) => (of(after) - of(before)) / Math.max(1, frames)
    return {
      ...{
        cameras: count,
        ...{ cpuCores, gatewayCores, playingCores },
        otherCores: Math.max(0, machineCores - cpuCores - playingCores),
        framesPerSecond: frames / elapsed,
        lostShare: dropped / Math.max(1, frames + dropped),
      },
      ...{ latencyP95Ms: quantile(latencies, 0.95), events: latencies.length },
      stages: {
        alignMs: perFrame(({ alignMs }) => alignMs),
        backgroundMs: perFrame(({ backgroundMs }) => backgroundMs),
        blobMs: perFrame(({ blobMs }) => blobMs),
        trackMs: perFrame(({ trackMs }) => trackMs),
      },
    }
  } finally {
    child.kill('SIGKILL')
  }
}

/** CPU per picture of bare ffmpeg on the file: nobody can analyse what was not decoded. */
async function decodeCpuMs(clip: string, output: readonly string[]): Promise<number> {
  const { stderr } = await execute('ffmpeg', ['-benchmark', '-nostdin', '-threads', '1', '-i', clip, '-an', ...output])
  const seconds = Number(/utime=([\d.]+)s/.exec(stderr)?.[1]) + Number(/stime=([\d.]+)s/.exec(stderr)?.[1])
  const frames = Number([...stderr.matchAll(/frame=\s*(\d+)/g)].at(-1)?.[1])
  return (seconds * 1000) / frames
}
