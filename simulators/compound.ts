import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { createRtspServer, type RtspServer } from './cameras/rtsp-server.ts'
import { type Caregiver, type Caregivers, startCaregivers } from './caregivers/caregivers.ts'
import { dialectOf } from './devices/dialects.ts'
import { createFleet, type Fleet } from './devices/fleet.ts'
import { kinds } from './devices/kinds.ts'
import { createGridPlatform, type GridPlatform } from './grid-platform/platform.ts'
import { nodeArguments, type SupervisedProcess, superviseProcess } from './process.ts'
import type { Stage } from './scenario.ts'
import { createSimulatedSpeaker, type SimulatedSpeaker } from './speakers/simulated-speaker.ts'

export interface CompoundOptions {
  /** Everything the compound keeps lies below it; a second start continues where it was. */
  dir: string
  /** One building with one lift, one cab camera and one cab speaker each. */
  lifts: number
  devices: number
  ports: CompoundPorts
  /** Clip every cab shows until something happens; a path or the name of a shipped clip. */
  idleClip?: string
  /** Between two reports of one device. */
  reportEveryMs?: number
  /** Merged into the site file, for tests. */
  site?: Record<string, unknown>
  /** The site's own broker instead of the embedded one. */
  externalBroker?: string
  /** Supervised: what dies is started again. */
  restarts?: boolean
  platformBehaviour?: Record<string, unknown>
  /** How the phones of `caregiver-a` and `caregiver-b` behave; `demoCaregivers` where absent. */
  caregivers?: readonly Caregiver[]
  onLine?(process: string, line: string): void
  /** Stops what stands so far, also half-way through the start. */
  signal?: AbortSignal
}

export interface CompoundPorts {
  http: number
  mqtt: number
  bridge: number
  platform: number
  rtsp: number
  /** First RTP port; each speaker takes the next even one. */
  rtp: number
}

export interface Compound {
  consoleUrl: string
  siteFile: string
  /** The admin's password, when this was the first start. */
  firstPassword?: string
  platform: GridPlatform
  cameras: RtspServer
  speakers: Map<string, SimulatedSpeaker>
  fleet: Fleet
  caregivers: Caregivers
  /** MQTT secret of every device of the site file. */
  deviceSecrets: Readonly<Record<string, string>>
  broker?: SupervisedProcess
  gateway: SupervisedProcess
  bridge: SupervisedProcess
  stage: Stage
  stop(): Promise<void>
}

/** The first never looks at the phone; the second comes. */
export const demoCaregivers: readonly Caregiver[] = [
  { id: 'caregiver-a' },
  { id: 'caregiver-b', answersAfterMs: 20_000, arrivesAfterMs: 60_000, resolvesAfterMs: 60_000 },
]

const root = fileURLToPath(new URL('../', import.meta.url))
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const entry = (path: string) => join(root, `${path}.${extension}`)

export const demoSite = 'riverside'
const cameraUser = { name: 'viewer', password: 'viewer-of-the-simulated-cabs' }

/** File of a shipped clip by name, or the path itself. */
export function clipFile(clip: string): string {
  return clip.includes('/') ? clip : join(root, 'simulators/cameras/clips', `${clip}.mp4`)
}

export const liftIds = (count: number): string[] => Array.from({ length: count }, (_, index) => `b${index + 1}-lift`)

const kindNames = Object.keys(kinds)
const deviceIds = (count: number) =>
  Array.from({ length: count }, (_, index) => {
    const kind = kindNames[index % kindNames.length]!
    const nth = Math.floor(index / kindNames.length)
    return { id: `${kind}-${nth + 1}`, kind, dialect: dialectOf(kind, nth) }
  })

/**
 * Brings up a whole compound: simulated cameras, speakers, devices and city platform in this process; broker, gateway
 * and bridge as the processes they are in production.
 */
export async function startCompound(options: CompoundOptions): Promise<Compound> {
  const undo: Array<() => Promise<unknown> | unknown> = []
  const stop = async () => {
    for (let work = undo.pop(); work; work = undo.pop()) await work()
  }
  let stopped: Promise<void> | undefined
  const stopOnce = () => {
    stopped ??= stop()
    return stopped
  }
  options.signal?.addEventListener('abort', () => void stopOnce(), { once: true })
  try {
    const compound = await start(options, undo, stopOnce)
    if (options.signal?.aborted) throw new Error('stopped while starting')
    return compound
  } catch (error) {
    // What was opened after the abort is closed as well.
    await stopOnce()
    await stop()
    throw error
  }
}

async function start(
  options: CompoundOptions,
  undo: Array<() => Promise<unknown> | unknown>,
  stop: () => Promise<void>,
): Promise<Compound> {
  const { dir, ports } = options
  const lifts = liftIds(options.lifts)
  const devices = deviceIds(options.devices)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const gridSecret = keptSecret(join(dir, 'grid-secret'))
  writeFileSync(join(dir, 'camera-password'), `${cameraUser.password}\n`, { mode: 0o600 })

  const cameras = await createRtspServer({ port: ports.rtsp, users: { [cameraUser.name]: cameraUser.password } })
  undo.push(() => cameras.close())
  await Promise.all(lifts.map((lift) => cameras.mount(lift, { file: clipFile(options.idleClip ?? 'empty') })))

  const platform = await createGridPlatform({
    port: ports.platform,
    dataDir: join(dir, 'platform'),
    secrets: { [demoSite]: { secret: gridSecret, site: demoSite } },
    behaviour: { dispatchTo: 'street', ...options.platformBehaviour },
  })
  undo.push(() => platform.stop())

  const speakers = new Map<string, SimulatedSpeaker>()
  for (const [index, lift] of lifts.entries()) {
    mkdirSync(join(dir, 'heard'), { recursive: true })
    const speaker = createSimulatedSpeaker({
      multicast: { address: '239.255.71.1', port: ports.rtp + 2 * index, interface: '127.0.0.1' },
      wavFile: join(dir, 'heard', `${lift}.wav`),
    })
    await speaker.open()
    speakers.set(lift, speaker)
    undo.push(() => speaker.close())
  }

  const caregivers = await startCaregivers({ caregivers: options.caregivers ?? demoCaregivers })
  undo.push(() => caregivers.stop())

  const siteFile = join(dir, 'site.yaml')
  writeFileSync(
    siteFile,
    `${stringify(describeSite(options, { lifts, devices, platform, caregivers, rtsp: cameras }))}`,
  )
  const logs = join(dir, 'log')
  const supervised = (name: string, args: string[], isReady: RegExp) =>
    superviseProcess({
      name,
      args,
      isReady,
      logFile: join(logs, `${name}.log`),
      restarts: options.restarts ?? true,
      onLine: (line) => options.onLine?.(name, line),
    })

  let broker: SupervisedProcess | undefined
  if (!options.externalBroker) {
    broker = supervised('broker', [entry('gateway/main'), 'broker', siteFile], /^mqtt {5}/)
    const started = broker
    undo.push(() => started.stop())
    await broker.start()
  }
  const secrets = await deviceSecrets(dir, siteFile)

  let firstPassword: string | undefined
  const gateway = superviseProcess({
    name: 'gateway',
    args: [entry('gateway/main'), 'run', siteFile],
    isReady: /^console {2}/,
    logFile: join(logs, 'gateway.log'),
    restarts: options.restarts ?? true,
    onLine(line) {
      // The password follows the line that says the gateway stands.
      const login = /^login {4}admin {2}(\S+)/.exec(line)
      if (login) firstPassword = login[1]!
      options.onLine?.('gateway', login ? '' : line)
    },
  })
  undo.push(() => gateway.stop())
  await gateway.start()
  const bridge = supervised(
    'bridge',
    [entry('cloud-bridge/main'), 'run', '--config', siteFile],
    /cloud-bridge is running/,
  )
  undo.push(() => bridge.stop())
  await bridge.start()

  const fleet = createFleet({
    url: options.externalBroker ?? `mqtt://127.0.0.1:${ports.mqtt}`,
    site: demoSite,
    devices,
    secrets,
    everyMs: options.reportEveryMs ?? 30_000,
  })
  undo.push(() => fleet.stop())
  await fleet.start()

  const lift = (camera: string) => camera.replace(/-cam$/, '')
  const stage: Stage = {
    show: (camera, clip) => cameras.switchTo(lift(camera), clipFile(clip), { loop: false }),
    setCamera(camera, state) {
      if (state === 'unplugged') cameras.unplug(lift(camera))
      else if (state === 'stalled') cameras.stall(lift(camera))
      else cameras.replug(lift(camera))
    },
    report: fleet.report,
    happen: fleet.happen,
    vanish: fleet.vanish,
    setPlatform: (change) => platform.behave(change),
  }
  return {
    consoleUrl: `http://127.0.0.1:${ports.http}`,
    siteFile,
    ...(firstPassword === undefined ? {} : { firstPassword }),
    platform,
    cameras,
    speakers,
    fleet,
    caregivers,
    deviceSecrets: secrets,
    ...(broker ? { broker } : {}),
    gateway,
    bridge,
    stage,
    stop,
  }
}

function describeSite(
  options: CompoundOptions,
  parts: {
    lifts: string[]
    devices: ReturnType<typeof deviceIds>
    platform: GridPlatform
    caregivers: Caregivers
    rtsp: RtspServer
  },
): Record<string, unknown> {
  const { ports, dir } = options
  const { lifts } = parts
  const building = (index: number) => `b${index + 1}`
  return {
    site: {
      id: demoSite,
      name: { zh: '江畔花园（演示）', en: 'Riverside Gardens (demo)' },
      gridCell: '310104001002003',
      region: '310104',
    },
    dataDir: join(dir, 'gateway'),
    http: { port: ports.http, publicUrl: `http://127.0.0.1:${ports.http}` },
    mqtt: {
      port: ports.mqtt,
      ...(options.externalBroker ? { external: { url: options.externalBroker } } : {}),
    },
    buildings: lifts.map((_, index) => ({
      id: building(index),
      name: { zh: `${index + 1} 号楼`, en: `Building ${index + 1}` },
    })),
    lifts: lifts.map((id, index) => ({
      id,
      name: { zh: `${index + 1} 号楼电梯`, en: `Building ${index + 1} lift` },
      building: building(index),
    })),
    cameras: lifts.map((id, index) => ({
      id: `${id}-cam`,
      name: { zh: `${index + 1} 号楼轿厢`, en: `Building ${index + 1} cab` },
      place: { lift: id },
      url: parts.rtsp.url(id),
      username: cameraUser.name,
      password: { file: 'camera-password' },
    })),
    speakers: lifts.map((id, index) => ({
      id: `${id}-speaker`,
      name: { zh: `${index + 1} 号楼轿厢喇叭`, en: `Building ${index + 1} cab speaker` },
      place: { lift: id },
      driver: 'rtp-multicast',
      options: { address: '239.255.71.1', port: ports.rtp + 2 * index, interface: '127.0.0.1' },
    })),
    devices: parts.devices.map(({ id, kind, dialect }, index) => ({
      id,
      kind,
      name: { zh: `${kinds[kind]!.name.zh} ${index + 1}`, en: `${kinds[kind]!.name.en} ${index + 1}` },
      codec: dialect.codec,
      ...(dialect.topic(demoSite, id) ? { topic: dialect.topic(demoSite, id) } : {}),
      place: lifts.length > 0 ? { building: building(index % lifts.length) } : {},
      heartbeatSeconds: 120,
    })),
    notifiers: [
      {
        id: 'phones',
        name: { zh: '照护人手机', en: 'Phones of caregivers' },
        driver: 'ntfy',
        options: { url: parts.caregivers.url },
      },
    ],
    people: [
      { id: 'control-room', name: '控制室', duty: 'control-room' },
      ...['甲', '乙'].map((letter, index) => {
        const id = `caregiver-${'ab'[index]}`
        return { id, name: `护理员${letter}`, duty: 'caregiver', channels: [{ notifier: 'phones', address: id }] }
      }),
    ],
    elders:
      lifts.length > 0
        ? [
            {
              id: 'elder-301',
              name: '301 室长者',
              place: { building: building(0), floor: '3', flat: '301' },
              devices: parts.devices.filter(({ kind }) => kind === 'sos' || kind === 'wearable').map(({ id }) => id),
              contacts: ['caregiver-a', 'caregiver-b'],
              consents: { city: false, health: true, recordedAt: '2026-01-31', recordedBy: '值班员' },
            },
          ]
        : [],
    scenes: lifts.length > 0 ? [{ scene: 'ebike-in-elevator', lifts: 'all' }] : [],
    routing: [{ kinds: ['*'], languages: ['zh-CN', 'en'] }],
    disposal: [{ key: 'ebike_in_elevator', report: 'at-once' }],
    models: { dir: join(root, 'models') },
    upstreams: [
      {
        name: 'street-grid',
        kind: 'grid-rest',
        url: parts.platform.url,
        keyId: demoSite,
        secret: { file: 'grid-secret' },
        pollSeconds: 2,
      },
    ],
    bridge: { port: ports.bridge },
    ...options.site,
  }
}

/** A secret made at the first start and kept for the next. */
function keptSecret(file: string): string {
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  return readFileSync(file, 'utf8').trim()
}

/** MQTT secrets of the devices, made by the gateway's own command and kept for the next start. */
async function deviceSecrets(dir: string, siteFile: string): Promise<Record<string, string>> {
  const kept = join(dir, 'device-secrets.json')
  const known: Record<string, string> = existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) : {}
  const fresh = join(dir, `device-secrets-${process.pid}-${Date.now()}.json`)
  const { execFile } = await import('node:child_process')
  await new Promise<void>((resolve, reject) =>
    execFile(
      process.execPath,
      nodeArguments([entry('gateway/main'), 'credentials', siteFile, fresh]),
      (error, _stdout, stderr) => (error ? reject(new Error(stderr || error.message)) : resolve()),
    ),
  )
  const all = { ...known, ...JSON.parse(readFileSync(fresh, 'utf8')) }
  writeFileSync(kept, JSON.stringify(all, null, 2), { mode: 0o600 })
  const { unlinkSync } = await import('node:fs')
  unlinkSync(fresh)
  return all
}
