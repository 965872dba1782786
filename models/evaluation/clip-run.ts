import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Frame } from '../../gateway/core/ports.ts'
import type { Finding, Scene } from '../../gateway/core/scene.ts'
import { createFrameGate } from '../../gateway/inference/gate.ts'
import { createView } from '../../gateway/inference/view.ts'
import { createPipeline } from '../../gateway/pipeline.ts'
import { ebikeInElevator } from '../../gateway/scenes/ebike-in-elevator.ts'
import { type LiftModel, withEBikes } from './lift-model.ts'
import { playFile } from './play-file.ts'
import type { Seen } from './samples.ts'

/** Pictures of a camera the gateway looks at per second. */
export const analysedPerSecond = 5

const camera = 'clip'
const execute = promisify(execFile)

/** One analysed frame. */
export interface ClipFrame extends Seen {
  /** Since the beginning of the clip. */
  mediaMs: number
  /** Best e-bike score after the scene's vetoes. */
  score: number
  /** The gate spared it: nothing had moved. The scene heard what the gateway would have told it. */
  isSpared: boolean
}

/** What came of playing a clip to the gateway. */
export interface ClipRun {
  frames: ClipFrame[]
  /** Of the file, as ffprobe tells it; NaN where it cannot say. */
  framesPerSecond: number
  /** When an alarm was raised, milliseconds of the clip. */
  raisedMs: number[]
}

/**
 * Plays a clip through camera reader, gate, model and scene as the gateway runs them, in the clip's own time and
 * without losing a frame. Every frame is also scored, the ones the gate spares for the timeline only.
 * @param onFrame sees each frame while its pixels are there
 * @throws Error in words when the file cannot be played
 */
export async function runClip(
  file: string,
  model: LiftModel,
  onFrame: (frame: Frame, seen: ClipFrame) => void = () => {},
): Promise<ClipRun> {
  const frames: ClipFrame[] = []
  const findings: Finding[] = []
  let clock = 0
  let beganAt: number | undefined
  const view = createView(model.manifest.input)
  /** What was looked at for the pipeline; absent while the gate spares the frame. */
  let looking: Promise<Seen> | undefined
  let failure: unknown
  const scene = createScene(model.sceneOptions)
  const pipeline = createPipeline({
    scenes: [{ kind: ebikeInElevator.kind, scene, cameras: new Set([camera]), devices: new Set() }],
    detector: {
      model: model.manifest.name,
      async detect(frame, { focus }) {
        const { at } = frame.time
        looking = model.look(frame, view.next(frame, at, focus))
        const { detections } = await looking
        view.saw(detections, at)
        return { detections: [...detections], model: '', preprocessMs: 0, runMs: 0, queuedMs: 0 }
      },
    },
    gate: () => createFrameGate({}),
    alarms: {
      take(finding) {
        findings.push(finding)
        return undefined
      },
    },
    encode: async () => new Uint8Array(),
    now: () => clock,
    onError(error) {
      failure ??= error
    },
    ...{ record() {}, holdDoor() {}, onDecision() {} },
  })

  async function look(frame: Frame): Promise<void> {
    try {
      const { at, mediaMs } = frame.time
      beganAt ??= at - mediaMs
      for (let tick = Math.floor((clock - beganAt) / 1000) + 1; clock > 0 && tick * 1000 <= mediaMs; tick++) {
        clock = beganAt + tick * 1000
        pipeline.onTick()
      }
      clock = at
      looking = undefined
      pipeline.onFrame(frame)
      const isSpared = looking === undefined
      const seen = await (looking ?? model.look(frame))
      // The pipeline waits for the detector by promises only: all has been said when the next turn begins.
      await new Promise((done) => setImmediate(done))
      const clipFrame = { ...seen, mediaMs, score: model.sightingScore(seen), isSpared }
      frames.push(clipFrame)
      onFrame(frame, clipFrame)
    } finally {
      frame.release()
    }
  }

  let work = Promise.resolve()
  await playFile(file, { fps: analysedPerSecond }, (frame, fail) => {
    frame.retain()
    work = work.then(() => look(frame))
    work.catch(fail)
  })
  await work
  if (failure) throw failure
  if (frames.length === 0) throw new Error('it holds no pictures')
  const raisedMs = findings.flatMap(({ type, at }) => (type === 'raise' ? [at - beganAt!] : []))
  return { frames, framesPerSecond: await framesPerSecondOf(file), raisedMs }
}

/** When the scene alone would raise an alarm on these frames, milliseconds of the clip. */
export function alarmsOf(frames: readonly ClipFrame[], { sceneOptions }: Pick<LiftModel, 'sceneOptions'>): number[] {
  const scene = createScene(sceneOptions)
  return frames.flatMap((seen) => {
    const { mediaMs: at, isSpared } = seen
    const detections = isSpared ? [] : withEBikes(seen)
    const frame = { at, mediaMs: at, session: camera }
    const findings = [
      ...scene.observe({ type: 'tick', at }),
      ...scene.observe({ type: 'frame', at, camera, frame, detections }),
    ]
    return findings.flatMap(({ type, at }) => (type === 'raise' ? [at] : []))
  })
}

function createScene(options: LiftModel['sceneOptions']): Scene {
  const place = { site: 'evaluation', lift: camera }
  return ebikeInElevator.create(options, { place, cameras: [camera], devices: [] })
}

async function framesPerSecondOf(file: string): Promise<number> {
  const entries = ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'stream=avg_frame_rate', '-of', 'csv=p=0']
  const { stdout } = await execute('ffprobe', [...entries, `file:${resolve(file)}`])
  const [frames = 0, seconds = 0] = stdout.trim().split('/').map(Number)
  return frames / seconds
}
