import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { Registry } from 'prom-client'
import { createAlarms } from './alarms/alarms.ts'
import { createEvidenceRecorder } from './alarms/evidence-recorder.ts'
import { createApi, ensureFirstAdmin } from './api/server.ts'
import { createCameraSet, encodeSnapshot } from './cameras/index.ts'
import { createCases } from './cases/cases.ts'
import { isLoopback } from './config/resolve.ts'
import type { SiteConfig } from './config/site.ts'
import type { Actor, Alarm, Evidence } from './core/alarm.ts'
import { createCleanUp } from './core/clean-up.ts'
import { type Clock, systemClock } from './core/clock.ts'
import { createClockTrust } from './core/clock-trust.ts'
import { findDriver } from './core/driver.ts'
import type { CameraStatus } from './core/ports.ts'
import { routeVoice } from './core/routing.ts'
import { makeDataDir } from './data-dir.ts'
import { codecs } from './devices/codecs/index.ts'
import { createInspector } from './devices/inspector.ts'
import { createIntake } from './devices/intake.ts'
import { createMqttLink } from './devices/mqtt-link.ts'
import { createDeviceRegistry } from './devices/registry.ts'
import { createEventNotes } from './event-notes.ts'
import { openEyes } from './eyes.ts'
import { createFacades } from './facades.ts'
import { createFalls } from './falls.ts'
import { createHealth } from './health.ts'
import { createFrameGate } from './inference/gate.ts'
import { readPublicKey } from './inference/signature.ts'
import { createModbusPollers, devicePushOf, homeAssistantOf, linkWill } from './integrations.ts'
import { lastKnown } from './last-known.ts'
import { createLiveDevices } from './live-devices.ts'
import { createMetrics } from './metrics.ts'
import { createPeople } from './people.ts'
import { createPipeline } from './pipeline.ts'
import { createRegistrar, wakeRegistered } from './registrar.ts'
import { createSceneSet } from './running-scenes.ts'
import {
  ensureAnswerLinkSecret,
  ensureBridgeToken,
  ensureGatewaySecret,
  gatewayClient,
  readSecret,
  secretFiles,
  tokenHash,
} from './secrets.ts'
import { createSelfTest, selfTestKind } from './self-test.ts'
import { cameraOptions, createDoors, deviceFilters, deviceSources, gatewayTopics, openTelemetry } from './site-parts.ts'
import { describePlace, deviceRows, siteView } from './site-view.ts'
import { createAnnouncer } from './speakers/announcer.ts'
import { loadClipLibrary, shippedClipFolder } from './speakers/clip-library.ts'
import { speakerDrivers } from './speakers/index.ts'
import { createEvidenceStore } from './storage/evidence.ts'
import { newId } from './storage/id.ts'
import { hashPassword, verifyPassword } from './storage/password.ts'
import { openSceneMemory } from './storage/scene-memory.ts'
import { openStore } from './storage/store.ts'
import { createTrends } from './telemetry-trends.ts'
import { createThrowEvidence } from './throw-evidence.ts'

export interface AppOptions {
  config: SiteConfig
  logger: Logger
  clock?: Clock
  random?: () => number
  ffmpegPath?: string
  consoleDir?: string
}

export interface App {
  /** Address of console and API, known once started. */
  readonly url: string
  /** Set at the very first start only: the password of `admin`, to be shown once. */
  readonly firstPassword?: string
  stop(): Promise<void>
}

const tickMs = 1_000
const sweepMs = 3600_000
/** So much of what scenes have learnt may be lost in a crash. */
const rememberMs = 300_000
const system = { type: 'system', id: 'gateway' } as const
const event = { topic: 'event', actor: system } as const

/**
 * The composition root: opens every part in order and starts the journeys. A part that cannot be opened undoes those
 * before it. An unreachable camera, speaker, broker or platform is none of these: it never stops the start.
 * @throws {StartError | ConfigError}
 */
export async function startApp(options: AppOptions): Promise<App> {
  const cleanUp = createCleanUp()
  try {
    return await start(options, cleanUp)
  } catch (error) {
    await cleanUp.run()
    throw error
  }
}

async function start(options: AppOptions, cleanUp: ReturnType<typeof createCleanUp>): Promise<App> {
  const { config, logger, clock = systemClock, random = Math.random } = options
  const { now } = clock
  const stopping = new AbortController()
  const onError = (error: unknown, what: string) => logger.error({ err: error }, what)
  makeDataDir(config.dataDir)

  // What is kept.
  const store = openStore({ file: join(config.dataDir, 'gridgate.db'), now, logger })
  cleanUp.defer('store', () => store.close())
  const notes = createEventNotes({ store, onError })
  cleanUp.defer('events', () => notes.flush())
  const { mayDelete } = createClockTrust({
    lastKnownAt: store.journal({ after: store.lastSeq - 1, limit: 1 })[0]?.at,
    now,
    onLeap: (leapMs) => logger.warn({ leapMs }, 'the clock leapt ahead: nothing is deleted for its age for a day'),
  })
  const telemetry = openTelemetry(config, { now, mayDelete, logger })
  cleanUp.defer('telemetry', () => telemetry.close())
  const evidence = createEvidenceStore({
    dir: join(config.dataDir, 'evidence'),
    store,
    retentionMs: config.retention.evidenceMs,
    now,
    mayDelete,
  })

  // Devices: those of the site file, and those registered since.
  const registered = wakeRegistered(config, store.deviceRows.list(), logger)
  const site: SiteConfig = { ...config, devices: [...config.devices, ...registered.entries] }
  const registry = createDeviceRegistry(site.devices)
  const inspector = createInspector()
  const sources = deviceSources(site)
  const mqttUser = config.mqtt.external ?? {
    url: `mqtt://${config.mqtt.host}:${config.mqtt.port}`,
    username: gatewayClient,
    password: await ensureGatewaySecret(config.dataDir, gatewayTopics(site)),
  }
  const intake = createIntake({
    site: config.site.id,
    registry,
    codecs,
    sources,
    telemetry,
    inspector,
    onMeasurements: (measurements) => {
      doors.onMeasurements(measurements)
      pipeline.onMeasurements(measurements)
      homeAssistant?.onMeasurements(measurements)
    },
    onAcceleration: (device, batch, clockTrusted) => falls.add(device, batch, clockTrusted),
    onDeviceUp: (device, isUp, at) => {
      if (registry.describe(device))
        notes.note({ ...event, at, subject: device, transition: isUp ? 'device-up' : 'device-down', data: {} })
      pipeline.onDevice(device, isUp, at)
      homeAssistant?.onDevice(device, isUp)
    },
    publish: (topic, payload) => void link.publish(topic, payload, { qos: 0 }).catch(() => {}),
    now,
    logger,
  })
  const will = linkWill(config)
  const link = createMqttLink({
    ...mqttUser,
    clientId: config.mqtt.external?.username ?? gatewayClient,
    filters: deviceFilters(site, sources),
    onMessage: intake.receive,
    ...(will ? { will } : {}),
    clock,
    random,
    logger,
  })

  const homeAssistant = homeAssistantOf(site, link, store, (id) => liveDevices.get(id))

  // Voices.
  const clips = loadClipLibrary({
    folders: [shippedClipFolder, ...(config.voiceDir ? [config.voiceDir] : [])],
    renderFolder: join(config.dataDir, 'voices'),
  })
  const speakers = config.speakers.map(({ id, driver, options: driverOptions }) =>
    findDriver(speakerDrivers, driver)!.create(driverOptions, {
      id,
      site: config.site.id,
      clips,
      now,
      random,
      mqtt: link,
      secret: (reference) => readSecret(config, reference),
    }),
  )
  for (const speaker of speakers) {
    cleanUp.defer(`speaker ${speaker.id}`, () => speaker.close())
    void speaker.open().catch((error) => logger.warn({ err: error, speaker: speaker.id }, 'speaker is not ready'))
  }
  const announcer = createAnnouncer({ speakers, logger, clock, random })
  cleanUp.defer('announcer', () => announcer.close())

  // Alarms and cases.
  const cases = createCases({
    store,
    disposal: config.disposal,
    describePlace: ({ place }) => describePlace(config, place),
    hasConsent: (person) => config.elders.find(({ id }) => id === person)?.consents.city === true,
    now,
    newId: (prefix) => newId(prefix, now()),
    ...(config.upstreams[0] ? { upstream: config.upstreams[0].name } : {}),
  })
  const people = createPeople({
    config,
    store,
    linkSecret: ensureAnswerLinkSecret(config.dataDir),
    secret: (reference) => readSecret(config, reference),
    onFinding: (finding) => void alarms.take(finding, 'channels'),
    onError,
    clock,
    random,
    logger,
  })
  cleanUp.defer('people', () => people.close())
  const alarms = createAlarms({
    // A test calls nobody by the chains.
    escalation: {
      ...people.escalation,
      begin: (alarm) => (alarm.kind === selfTestKind ? alarm : people.escalation.begin(alarm)),
    },
    store,
    announcer,
    route: (kind, place) => routeVoice(config.routing, config.speakers, config.site.language, kind, place),
    openCase: cases.openFor,
    openCaseByHand: cases.openByHand,
    isSourceUp: ({ type, id }) =>
      type === 'camera'
        ? cameras.get(id)?.status().state === 'up'
        : (people.isChannelUp(id) ?? registry.get(id)?.isUp === true),
    onError,
    onStored: () => logger.info('alarms are stored again'),
    now,
    newId: (prefix) => newId(prefix, now()),
  })
  const recording = {
    evidence,
    camera: (id: string) => cameras.get(id),
    addEvidence: alarms.addEvidence,
    onFailure: (alarm: Alarm, type: Evidence['type'], error: unknown) => {
      logger.warn({ err: error, alarm: alarm.id, type }, 'evidence could not be made')
      const reason = error instanceof Error ? error.message : String(error)
      if (!stopping.signal.aborted) noteEvent(alarm.id, 'evidence-failed', now(), { type, reason })
    },
    signal: stopping.signal,
    ...(options.ffmpegPath ? { ffmpegPath: options.ffmpegPath } : {}),
  }
  const recorder = createEvidenceRecorder(recording)
  cleanUp.defer('evidence', () => recorder.idle())
  const throwEvidence = createThrowEvidence({ ...recording, calibration: (camera) => facades.calibrationOf(camera) })
  cleanUp.defer('evidence of throws', () => throwEvidence.idle())

  // Eyes.
  const { publicKey } = config.models
  const modelKey = publicKey === undefined ? undefined : await readPublicKey(publicKey)
  const eyes = await openEyes(config, { store, logger, random, now, onError, modelKey })
  cleanUp.defer('eyes', () => eyes.close())
  const { detector } = eyes
  const doors = createDoors(config, {
    mqtt: link,
    liftOf: (device) => registry.describe(device)?.place.lift,
    onEvent: ({ lift, transition, by, ...data }) => noteEvent(lift, transition, now(), data, by),
  })
  const metrics = createMetrics(new Registry(), {
    detector,
    cameras: () => cameras.list().map((camera) => camera.status()),
    looks: () => pipeline.looks(),
    wakes: () => cameras.list().map((camera) => ({ camera: camera.id, wakes: camera.wakes() })),
    facades: { frames: () => facades.frames(), restarts: () => facades.restarts() },
    learning: eyes.counts,
    intake,
    announcer,
    courier: people.courier,
    receiptCounts: people.receiptCounts,
    alarms,
    store,
  })
  const memory = openSceneMemory({ file: join(config.dataDir, 'scene-memory.db'), now })
  cleanUp.defer('scene memory', () => memory.close())
  const scenes = createSceneSet(site)
  const pipeline = createPipeline({
    scenes: scenes.initial,
    learnt: memory.load(),
    detector,
    gate: () => createFrameGate({}),
    rest: (camera, isStill) => cameras.get(camera)?.rest(isStill),
    alarms,
    record: recorder.record,
    recordThrow: throwEvidence.record,
    encode: (frame, boxes) => encodeSnapshot(frame, { boxes }),
    ...(eyes.secondStage ? { secondStage: eyes.secondStage } : {}),
    holdDoor: doors.want,
    onDecision: metrics.noteDecision,
    onError,
    now,
  })
  const remember = () => memory.save(pipeline.learnt())
  cleanUp.defer('what was learnt', remember)
  const falls = await createFalls(site, { onFall: pipeline.onFall, onError, now, random, logger, modelKey })
  cleanUp.defer('falls', () => falls.close())
  const statusListeners = new Set<(status: CameraStatus) => void>()
  const tellStatus = (status: CameraStatus) => {
    for (const listener of statusListeners) listener(facades.completed(status))
  }
  const facades = await createFacades(config, {
    store,
    onThrow: pipeline.onThrow,
    onWatch(camera, isUp, reason) {
      noteEvent(camera, isUp ? 'facade-watched' : 'facade-unwatched', now(), reason === undefined ? {} : { reason })
      const status = cameras.get(camera)?.status()
      if (status) tellStatus(status)
    },
    ...{ random, now, logger, modelKey },
  })
  const cameras = createCameraSet(
    config.cameras.map((camera) => cameraOptions(camera, facades.watches(camera.id))),
    {
      onFrame: (frame) => (facades.watches(frame.camera) ? facades.observe(frame) : pipeline.onFrame(frame)),
      onStatus(status) {
        if (status.state !== 'starting')
          noteEvent(status.id, `camera-${status.state}`, status.since, status.reason ? { reason: status.reason } : {})
        pipeline.onCamera(status)
        tellStatus(status)
      },
      now,
      random,
      logger,
      ...(options.ffmpegPath ? { ffmpegPath: options.ffmpegPath } : {}),
    },
  )

  function noteEvent(
    subject: string,
    transition: string,
    at: number,
    data: Record<string, unknown> = {},
    actor: Actor = system,
  ): void {
    store.transact((transaction) => transaction.append({ topic: 'event', at, subject, transition, actor, data }))
  }

  const isBrokerOurs = config.mqtt.external === undefined
  const modbus = createModbusPollers(site, intake, { random, logger })
  const liveDevices = createLiveDevices({
    ...{ site, scenes, registry, intake, link, pipeline, alarms, falls, modbus, onError },
    ...(isBrokerOurs
      ? { claimTopics: async (topics) => void (await ensureGatewaySecret(config.dataDir, topics)) }
      : {}),
  })
  const registrar = createRegistrar({
    ...{ config, store, live: liveDevices, asleep: registered.asleep, now },
    ...(isBrokerOurs ? { credentialsFile: secretFiles(config.dataDir).credentials } : {}),
  })
  const selfTest = createSelfTest({
    ...{ config, store, alarms, announcer, link, registry, onError, now },
    file: join(config.dataDir, 'self-test.json'),
    courier: people.courier,
    devices: liveDevices.list,
    note: (transition, report) => noteEvent('self-test', transition, report.endedAt, { ...report }),
  })
  cleanUp.defer('self-test', selfTest.close)
  const trends = createTrends({ telemetry, now, onError })
  const ofSiteFile = new Set(config.devices.map(({ id }) => id))

  // People.
  const passwords = { hash: hashPassword, verify: verifyPassword }
  const firstPassword = await ensureFirstAdmin({ store, passwords, now })
  const api = await createApi({
    host: config.http.host,
    port: config.http.port,
    ...(config.http.tls
      ? { tls: { key: readFileSync(config.http.tls.key), cert: readFileSync(config.http.tls.cert) } }
      : {}),
    store,
    alarms,
    cases,
    cameras: {
      list: () => cameras.list().map((camera) => ({ ...camera, status: () => facades.completed(camera.status()) })),
      onStatus(listener) {
        statusListeners.add(listener)
        return () => statusListeners.delete(listener)
      },
    },
    doors: doors.service,
    facades: facades.service,
    ...eyes.services,
    people: people.parts,
    telemetry,
    devices: {
      list: () =>
        deviceRows(liveDevices.list(), registry, {
          isOfSiteFile: (id) => ofSiteFile.has(id),
          problemsOf: (id) => registered.asleep.get(id),
          elderOf: (id) => liveDevices.elderOf(id)?.id,
          trends,
        }),
      codecs: codecs.map(({ kind }) => kind),
      registrar,
      inspected: inspector.list,
      discovered: registry.discovered,
    },
    devicePush: devicePushOf(config, intake),
    selfTest,
    evidence,
    site: siteView(config),
    passwords,
    bridgeTokenHash: tokenHash(ensureBridgeToken(config.dataDir)),
    ...(config.http.metricsToken ? { metricsTokenHash: tokenHash(config.http.metricsToken) } : {}),
    ...(config.http.publicUrl === undefined ? {} : { origins: [new URL(config.http.publicUrl).origin] }),
    ...(config.http.trustProxy.length > 0 ? { trustProxy: config.http.trustProxy } : {}),
    consoleDir: options.consoleDir ?? defaultConsoleDir(),
    health: createHealth({ link, cameras, detector, alarms, isMqttExternal: config.mqtt.external !== undefined }),
    metrics: metrics.registry,
    now,
    logger,
  })
  cleanUp.defer('api', () => api.close())
  const { url } = await api.listen()
  if (!isLoopback(config.http.host)) logger.info({ url }, 'console listens beyond this machine')

  // Everything is there: let it run.
  // People first: what came due while the gateway was down waits for nothing.
  people.escalation.resume()
  people.escalation.tick()
  pipeline.onRemembered(await lastKnown(site.devices, telemetry, now()))
  eyes.start()
  const running = [link, cameras, facades, doors, modbus].map((part) => part.run(stopping.signal))
  cleanUp.defer('cameras and mqtt', async () => {
    await intake.flush()
    stopping.abort(new Error('the gateway stops'))
    await Promise.all(running)
  })
  // A file that cannot be touched must not keep the gateway from watching over people.
  const sweepEvidence = () => evidence.sweep(now()).catch((error) => onError(error, 'evidence sweep'))
  const sweepLearned = async () => {
    if (mayDelete()) await eyes.sweep().catch((error) => onError(error, 'sweep of what was learned from'))
  }
  const timers = [
    setInterval(
      () =>
        tick(
          [
            people.escalation.tick,
            pipeline.onTick,
            intake.tick,
            () => homeAssistant?.tick(),
            falls.tick,
            alarms.tick,
            cases.tick,
            eyes.tick,
            selfTest.tick,
          ],
          onError,
        ),
      tickMs,
    ),
    setInterval(() => tick([remember], onError), rememberMs),
    setInterval(sweepEvidence, sweepMs),
    setInterval(sweepLearned, sweepMs),
  ]
  cleanUp.defer('timers', () => timers.forEach(clearInterval))
  void sweepEvidence()
  logger.info({ url, cameras: config.cameras.length, devices: site.devices.length }, 'gateway started')
  return {
    url,
    ...(firstPassword === undefined ? {} : { firstPassword }),
    stop: () => cleanUp.run((name, error) => logger.error({ err: error, part: name }, 'a part did not stop cleanly')),
  }
}

/** `dist/console` of the checkout, from the sources as from the compiled tree. */
function defaultConsoleDir(): string {
  const here = fileURLToPath(new URL('.', import.meta.url))
  return here.includes(`${join('dist', 'gateway')}`) ? join(here, '../console') : join(here, '../dist/console')
}

function tick(parts: ReadonlyArray<() => void>, onError: (error: unknown, what: string) => void): void {
  for (const part of parts) {
    try {
      part()
    } catch (error) {
      onError(error, 'a periodic task failed')
    }
  }
}
