import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { freePorts } from '../ports.ts'
import { endWithUs, superviseProcess } from '../process.ts'
import { withCameras } from './camera-process.ts'
import { readMetrics, type Samples, sum } from './metrics-page.ts'
import { treeCpuSeconds } from './process-cpu.ts'
import { type BenchResult, rounded, textTable } from './report.ts'

export const name = 'lift'

const root = fileURLToPath(new URL('../../', import.meta.url))
const busyShare = 0.1
/** A decision later than this warns its operators in deployed systems. */
const decisionLimitMs = 250
/** Frames of a busy camera that may go unanalysed before the camera count is called too high. */
const lostLimit = 0.1

interface Run {
  lifts: number
  decisionP50Ms: number
  decisionP95Ms: number
  /** Of the gateway with all its decoders. */
  cpuCores: number
  analysedPerSecond: number
  /** Share of wanted frames that a newer one replaced or that were dropped. */
  lostShare: number
  up: number
}

/**
 * How many lift cameras (640×360, 15 fps, H.264 over RTSP) one machine watches at five analysed frames per second while
 * something moves, a tenth of them busy at any time. Cameras play in a process of their own that is not counted.
 */
export async function run({ quick }: { quick: boolean }): Promise<BenchResult> {
  const seconds = quick ? 8 : 40
  const steps = quick ? [4] : [16, 32, 48, 64, 80, 96]
  const runs: Run[] = []
  const peers: Record<string, Record<string, number>> = {}
  const notes: string[] = [
    `${busyShare * 100} % of the cameras busy; ${seconds} s measured per step`,
    'pictures as they come (640 wide); decoding on-demand',
  ]
  let best: Run | undefined
  for (const lifts of steps) {
    const result = await withCameras('lift-cameras', [lifts, busyShare], (port) => measureGateway(lifts, port, seconds))
    runs.push(result)
    const isGood = result.decisionP95Ms <= decisionLimitMs && result.lostShare <= lostLimit && result.up === lifts
    if (!isGood) break
    best = result
  }
  const reached = best ?? runs[0]!
  const bare = await withCameras('lift-cameras', [reached.lifts, busyShare], (port) =>
    measureBareDecoding(reached.lifts, port, quick ? 5 : 20),
  )
  peers['ffmpeg -f null'] = { cpuCores: rounded(bare, 3), lifts: reached.lifts }
  const motion = await withCameras('lift-cameras', [reached.lifts, busyShare], (port) =>
    measureMotion(reached.lifts, port, quick ? 8 : 25),
  )
  if (motion !== undefined) peers.motion = { cpuCores: rounded(motion, 3), lifts: reached.lifts }
  if (!best) notes.push('no step met the limit; the first step is reported')
  const rows = runs.map((each) => [
    each.lifts,
    each.up,
    rounded(each.decisionP50Ms),
    rounded(each.decisionP95Ms),
    rounded(each.cpuCores, 2),
    rounded(each.analysedPerSecond),
    `${rounded(each.lostShare * 100)} %`,
  ])
  return {
    metrics: {
      lifts: best?.lifts ?? 0,
      decisionP95Ms: rounded(reached.decisionP95Ms),
      cpuCores: rounded(reached.cpuCores, 3),
    },
    peers,
    notes,
    table: [
      textTable([['lifts', 'up', 'decision p50 ms', 'p95 ms', 'CPU cores', 'analysed/s', 'lost'], ...rows]),
      `bare ffmpeg -f null on ${reached.lifts} streams: ${rounded(bare, 2)} cores`,
      motion === undefined ? 'motion is not installed' : `motion on the same streams: ${rounded(motion, 2)} cores`,
      `machine: ${cpus().length} cores`,
    ].join('\n'),
  }
}

async function measureGateway(lifts: number, rtsp: number, seconds: number): Promise<Run> {
  const dir = mkdtempSync(join(tmpdir(), 'gridgate-lift-'))
  const [http, mqtt] = await freePorts(2)
  const ids = Array.from({ length: lifts }, (_, index) => `lift-${index}`)
  const siteFile = join(dir, 'site.yaml')
  writeFileSync(
    siteFile,
    stringify({
      site: { id: 'bench', name: { zh: '测试', en: 'Bench' } },
      dataDir: join(dir, 'data'),
      http: { port: http },
      mqtt: { port: mqtt },
      buildings: [{ id: 'b', name: { zh: '楼', en: 'B' } }],
      lifts: ids.map((id) => ({ id, name: { zh: id, en: id }, building: 'b' })),
      cameras: ids.map((id) => ({
        id: `${id}-cam`,
        name: { zh: id, en: id },
        place: { lift: id },
        url: `rtsp://127.0.0.1:${rtsp}/${id}`,
        decoding: 'on-demand',
      })),
      scenes: [{ scene: 'ebike-in-elevator', lifts: 'all' }],
      models: { dir: join(root, 'models') },
    }),
  )
  const gateway = superviseProcess({
    name: 'gateway',
    args: [join(root, `gateway/main.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`), 'run', siteFile],
    isReady: /^console {2}/,
    logFile: join(dir, 'gateway.log'),
    restarts: false,
  })
  try {
    await gateway.start()
    const token = readFileSync(join(dir, 'data/bridge-token'), 'utf8').trim()
    const scrape = () => readMetrics(`http://127.0.0.1:${http}/metrics`, token)
    const deadline = Date.now() + 30_000 + lifts * 500
    while (sum(await scrape(), 'gridgate_camera_up') < lifts && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 500))
    await new Promise((resolve) => setTimeout(resolve, 3000))
    const before = await scrape()
    const cpuBefore = treeCpuSeconds(gateway.pid!)
    const begun = performance.now()
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    const after = await scrape()
    const elapsed = (performance.now() - begun) / 1000
    const cpuCores = (treeCpuSeconds(gateway.pid!) - cpuBefore) / elapsed
    const grown = (metric: string, filter = '') => sum(after, metric, filter) - sum(before, metric, filter)
    const analysed = grown('gridgate_inference_frames', 'outcome="analysed"')
    const lost =
      grown('gridgate_inference_frames', 'outcome="superseded"') +
      grown('gridgate_inference_frames', 'outcome="failed"') +
      grown('gridgate_camera_dropped_frames')
    return {
      lifts,
      decisionP50Ms: histogramQuantile(before, after, 0.5) * 1000,
      decisionP95Ms: histogramQuantile(before, after, 0.95) * 1000,
      cpuCores,
      analysedPerSecond: analysed / elapsed,
      lostShare: lost / Math.max(1, analysed + lost),
      up: sum(after, 'gridgate_camera_up'),
    }
  } finally {
    await gateway.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Quantile of what a histogram counted between two readings, seconds, interpolated within its bucket as Prometheus does. */
function histogramQuantile(before: Samples, after: Samples, share: number): number {
  const edges = after
    .filter(({ name: each }) => each === 'gridgate_decision_seconds_bucket')
    .map(({ labels, value }) => {
      const earlier = before.find((each) => each.name === 'gridgate_decision_seconds_bucket' && each.labels === labels)
      const edge = /le="([^"]+)"/.exec(labels)![1]!
      return { edge: edge === '+Inf' ? Number.POSITIVE_INFINITY : Number(edge), count: value - (earlier?.value ?? 0) }
    })
  const total = edges.at(-1)?.count ?? 0
  if (total === 0) return Number.NaN
  let below = { edge: 0, count: 0 }
  for (const each of edges) {
    if (each.count >= share * total) {
      if (!Number.isFinite(each.edge)) return below.edge
      const within = each.count - below.count
      return below.edge + (within === 0 ? 0 : ((share * total - below.count) / within) * (each.edge - below.edge))
    }
    below = each
  }
  return below.edge
}

/** CPU of one bare decoder per stream, cores: nobody can analyse what was not decoded. */
async function measureBareDecoding(lifts: number, rtsp: number, seconds: number): Promise<number> {
  const children = Array.from({ length: lifts }, (_, index) =>
    spawn(
      'ffmpeg',
      `-nostdin -loglevel error -threads 1 -rtsp_transport tcp -i rtsp://127.0.0.1:${rtsp}/lift-${index} -an -f null -`.split(
        ' ',
      ),
      { stdio: 'ignore' },
    ),
  )
  return measureChildren(children, 5000, seconds)
}

/** CPU of Debian's motion on the same streams, writing nothing; undefined where it is not installed. */
async function measureMotion(lifts: number, rtsp: number, seconds: number): Promise<number | undefined> {
  const dir = mkdtempSync(join(tmpdir(), 'gridgate-motion-'))
  const shared =
    'width 640\nheight 360\nframerate 5\npicture_output off\nmovie_output off\nstream_localhost on\nstream_port 0\nwebcontrol_port 0\n'
  const files = Array.from({ length: lifts }, (_, index) => {
    const file = join(dir, `camera-${index}.conf`)
    writeFileSync(file, `camera_id ${index + 1}\nnetcam_url rtsp://127.0.0.1:${rtsp}/lift-${index}\n${shared}`)
    return file
  })
  const main = join(dir, 'motion.conf')
  writeFileSync(
    main,
    `daemon off\nlog_level 3\ntarget_dir ${dir}\n${shared}${files.map((file) => `camera ${file}\n`).join('')}`,
  )
  const child = endWithUs(spawn('motion', ['-n', '-c', main], { stdio: 'ignore' }))
  const isMissing = await new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(true))
    child.once('spawn', () => resolve(false))
  })
  try {
    return isMissing ? undefined : await measureChildren([child], 8000, seconds)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function measureChildren(children: ChildProcess[], warmUpMs: number, seconds: number): Promise<number> {
  const used = () => children.reduce((total, child) => total + (child.pid ? treeCpuSeconds(child.pid) : 0), 0)
  try {
    await new Promise((resolve) => setTimeout(resolve, warmUpMs))
    const before = used()
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    return (used() - before) / seconds
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
}
