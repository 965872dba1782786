import type { FallReport } from './core/acceleration.ts'
import type { Alarm, Phrase } from './core/alarm.ts'
import type { Box, Detection } from './core/detection.ts'
import type { Measurement } from './core/measurement.ts'
import type { CameraStatus, Detector, Frame, Inference } from './core/ports.ts'
import type { Finding, Observation, Sighting } from './core/scene.ts'
import type { ThrowReport } from './core/throw.ts'
import { createSceneIndex, type RunningScene } from './scene-index.ts'

export type { RunningScene }

/** Decides which frames of one camera are worth an inference. */
export interface FrameGate {
  /** Whether this frame is to be analysed. Reads the frame, keeps nothing of it. */
  wants(frame: Frame): boolean
  /** Where something moves in the frame last asked about. */
  focus(): Box | undefined
  /** What the analysis found: something of interest keeps the camera being looked at. */
  found(detections: readonly Detection[], at: number): void
  /** A scene asks for full rate until this instant. */
  attend(until: number): void
  /** What was seen last is believed to be still there: a spared frame does not mean "nothing there". */
  isOccupied(at: number): boolean
  /** Still and empty for a while: the camera may rest. */
  isStill(at: number): boolean
  /** Frames by why they were worth an inference, and how many were not. */
  stats(): LookCounts
}

export interface LookCounts {
  wanted: Readonly<Record<string, number>>
  spared: number
}

/** What a site has learned, between detector and scenes. */
export interface SecondStage {
  /** Labels that need embeddings. */
  embed(): readonly string[]
  /** Takes back what operators called false; the detections that are left. */
  review(frame: Frame, inference: Inference): readonly Detection[]
  /** What it said of the frames that led here, for the alarm. */
  why(sighting: Sighting): readonly Phrase[]
  /** Keeps what an alarm showed until somebody says what it was. Takes what it needs of the frame before it returns. */
  keep(alarm: Alarm, sighting: Sighting, frame: Frame): void
}

export interface PipelineParts {
  scenes: readonly RunningScene[]
  /** What they had learnt before the restart, by their names. */
  learnt?: ReadonlyMap<string, unknown>
  detector: Detector
  gate(camera: string): FrameGate
  /** Tells a camera with every frame, and whenever it changes, whether there is nothing to see. */
  rest?(camera: string, isStill: boolean): void
  alarms: { take(finding: Finding, scene: string, decidedAt: number): Alarm | undefined }
  record(alarm: Alarm, sighting: Sighting, picture: () => Promise<Uint8Array | undefined>): void
  /** Keeps what shows a throw; pictures of facade cameras do not come through here. */
  recordThrow?(alarm: Alarm, camera: string, thrown: ThrowReport): void
  /** The very frame as JPEG with its detections drawn. */
  encode(frame: Frame, detections: readonly Detection[]): Promise<Uint8Array>
  secondStage?: SecondStage
  holdDoor(finding: Extract<Finding, { type: 'hold-door' }>): void
  /** From the frame's arrival to the scene's answer. */
  onDecision(camera: string, milliseconds: number): void
  onError(error: unknown, what: string): void
  now(): number
}

export interface Pipeline {
  onFrame(frame: Frame): void
  onMeasurements(measurements: readonly Measurement[]): void
  /** What was last known of the devices, once, at the start. */
  onRemembered(measurements: readonly Measurement[]): void
  onFall(fall: FallReport): void
  /** @param thrown its frame's `at` is when it was last seen, epoch ms */
  onThrow(camera: string, thrown: ThrowReport): void
  onCamera(status: CameraStatus): void
  onDevice(device: string, isUp: boolean, at: number): void
  onTick(): void
  /**
   * Scenes go, others come, because a device was registered or removed. One that stands for the same as one that goes
   * takes over what that had learnt; what was last known of their devices is shown to those that come.
   */
  changeScenes(gone: readonly RunningScene[], come: readonly RunningScene[], known: readonly Measurement[]): void
  /** What the scenes have learnt, by their names. */
  learnt(): Map<string, unknown>
  /** What became of the frames of each camera at its gate, since the start. */
  looks(): Array<{ camera: string } & LookCounts>
}

/** A lift in which something was just suspected goes before one that only moved. */
const priority = { attended: 2, normal: 1 } as const

/**
 * The journeys through the house.
 *
 *   camera ─frame─▶ gate ─┬─ still and empty: the scene hears "nothing there", no inference
 *                         └─▶ detector ─detections─▶ second stage ─▶ scene ─findings─▶ alarms ─▶ speaker, evidence, case
 *   facade camera ─throw────────────────────────────▶ scene
 *   device ─measurement──────────────────────────────▶ scene
 *   band ───fall report──────────────────────────────▶ scene
 *   clock ──tick──────────────────────────▶ scenes that asked to be woken by now
 */
export function createPipeline(parts: PipelineParts): Pipeline {
  function restore({ id, kind, scene }: RunningScene, learnt: ReadonlyMap<string, unknown> | undefined): void {
    const known = id === undefined ? undefined : learnt?.get(id)
    if (known === undefined) return
    try {
      scene.restore?.(known)
    } catch (error) {
      parts.onError(error, `scene ${kind} cannot use what it had learnt`)
    }
  }
  for (const running of parts.scenes) restore(running, parts.learnt)
  const index = createSceneIndex(parts.scenes)
  const lanes = new Map<string, Lane>()
  for (const camera of index.cameras) lanes.set(camera, { gate: parts.gate(camera), attendUntil: 0, pending: 0 })

  function show(observation: Observation, watching: readonly RunningScene[], frame?: Frame): void {
    for (const running of watching) showOne(observation, running, frame)
  }

  function showOne(observation: Observation, running: RunningScene, frame?: Frame): void {
    const { kind, scene } = running
    try {
      const findings = scene.observe(observation)
      index.requeue(running)
      if (findings.length === 0) return
      const decidedAt = parts.now()
      // The voice starts at the decision itself; the transaction of the alarm follows.
      for (const finding of findings) if (finding.type === 'warn') parts.alarms.take(finding, kind, decidedAt)
      for (const finding of findings) if (finding.type !== 'warn') act(finding, kind, decidedAt, observation, frame)
    } catch (error) {
      parts.onError(error, `scene ${kind} failed on a ${observation.type}`)
    }
  }

  function showMeasurement(observation: Extract<Observation, { measurement: Measurement }>): void {
    const { device, metric } = observation.measurement
    for (const running of index.ofDevice(device)) if (reads(running, metric)) showOne(observation, running)
  }

  function act(
    finding: Finding,
    scene: string,
    decidedAt: number,
    observation: Observation,
    frame: Frame | undefined,
  ): void {
    if (finding.type === 'attend') attend(finding)
    else if (finding.type === 'hold-door') parts.holdDoor(finding)
    else {
      const sighting = finding.type === 'raise' ? finding.sighting : undefined
      const alarm = parts.alarms.take(sighting ? explained(finding, sighting) : finding, scene, decidedAt)
      if (alarm && sighting) record(alarm, sighting, frame)
      else if (alarm && observation.type === 'throw') parts.recordThrow?.(alarm, observation.camera, observation.thrown)
    }
  }

  function attend({ camera, until }: Extract<Finding, { type: 'attend' }>): void {
    const lane = lanes.get(camera)
    if (!lane) return
    lane.attendUntil = until
    lane.gate.attend(until)
    parts.rest?.(camera, false)
  }

  function explained(finding: Finding, sighting: Sighting): Finding {
    const learned = parts.secondStage?.why(sighting) ?? []
    return finding.type === 'raise' && learned.length > 0 ? { ...finding, why: [...finding.why, ...learned] } : finding
  }

  /** Keeps the frame that decided until its picture is encoded. */
  function record(alarm: Alarm, sighting: Sighting, frame: Frame | undefined): void {
    if (frame) parts.secondStage?.keep(alarm, sighting, frame)
    frame?.retain()
    parts.record(alarm, sighting, async () => {
      try {
        return frame && (await parts.encode(frame, sighting.detections))
      } finally {
        frame?.release()
      }
    })
  }

  async function analyse(frame: Frame, lane: Lane): Promise<void> {
    frame.retain()
    lane.pending++
    try {
      const isAttended = lane.attendUntil > frame.time.at
      const embed = parts.secondStage?.embed() ?? []
      const focus = lane.gate.focus()
      const inference = await parts.detector.detect(frame, {
        priority: isAttended ? priority.attended : priority.normal,
        ...(embed.length > 0 && { embed }),
        ...(focus && { focus }),
      })
      if (!inference) return
      // The gate hears of everything: what was taken back is looked at again as often as before.
      lane.gate.found(inference.detections, frame.time.at)
      if (!lane.gate.isStill(frame.time.at)) parts.rest?.(frame.camera, false)
      see(frame, parts.secondStage?.review(frame, inference) ?? inference.detections)
      parts.onDecision(frame.camera, parts.now() - frame.time.at)
    } catch (error) {
      parts.onError(error, `a frame of camera ${frame.camera} could not be judged`)
    } finally {
      lane.pending--
      frame.release()
    }
  }

  function see(frame: Frame, detections: readonly Detection[]): void {
    const { camera, time } = frame
    show({ type: 'frame', at: time.at, camera, frame: time, detections }, index.ofCamera(camera), frame)
  }

  return {
    onFrame(frame) {
      const lane = lanes.get(frame.camera)
      if (!lane) return
      const isWanted = lane.gate.wants(frame)
      parts.rest?.(frame.camera, lane.gate.isStill(frame.time.at))
      if (isWanted) void analyse(frame, lane)
      // While an earlier frame is still being looked at, "nothing there" would overtake what it shows.
      else if (lane.pending === 0 && !lane.gate.isOccupied(frame.time.at)) see(frame, [])
    },
    onMeasurements(measurements) {
      // That a device is under test must be known before its alarm is judged, wherever the message says so.
      for (const measurement of measurements)
        if (measurement.metric === 'isTest')
          showMeasurement({ type: 'measurement', at: measurement.ingestedAt, measurement })
      for (const measurement of measurements)
        if (measurement.metric !== 'isTest')
          showMeasurement({ type: 'measurement', at: measurement.ingestedAt, measurement })
    },
    onRemembered(measurements) {
      const at = parts.now()
      for (const measurement of measurements) showMeasurement({ type: 'remembered', at, measurement })
    },
    onFall(fall) {
      show({ type: 'fall', at: parts.now(), fall }, index.ofDevice(fall.device))
    },
    onThrow(camera, thrown) {
      show({ type: 'throw', at: thrown.frame.at, camera, thrown }, index.ofCamera(camera))
    },
    onCamera({ id, state, since }) {
      if (state !== 'starting')
        show({ type: 'camera', at: since, camera: id, isUp: state === 'up' }, index.ofCamera(id))
    },
    onDevice(device, isUp, at) {
      show({ type: 'device', at, device, isUp }, index.ofDevice(device))
    },
    onTick() {
      const at = parts.now()
      show({ type: 'tick', at }, index.takeDue(at))
    },
    changeScenes(gone, come, known) {
      const learnt = snapshots(gone)
      for (const running of come) restore(running, learnt)
      index.change(gone, come)
      const newcomers = new Set(come)
      const at = parts.now()
      for (const measurement of known)
        for (const running of index.ofDevice(measurement.device))
          if (newcomers.has(running) && reads(running, measurement.metric))
            showOne({ type: 'remembered', at, measurement }, running)
    },
    learnt: () => snapshots(index.all),
    looks: () => [...lanes].map(([camera, { gate }]) => ({ camera, ...gate.stats() })),
  }
}

const reads = ({ metrics }: RunningScene, metric: string): boolean => metrics === undefined || metrics.has(metric)

function snapshots(scenes: Iterable<RunningScene>): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const { id, scene } of scenes) if (id !== undefined && scene.snapshot) found.set(id, scene.snapshot())
  return found
}

interface Lane {
  gate: FrameGate
  /** Epoch ms until which a scene wants every frame. */
  attendUntil: number
  /** Frames whose analysis is under way. */
  pending: number
}
