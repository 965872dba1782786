import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import {
  analysisSize,
  createFacadeMap,
  createFallingEngine,
  type FacadeCalibration,
  type FallingEngine,
  type JudgedFall,
  type Throw,
  type TrackClassifier,
} from '../../gateway/falling/index.ts'
import { calibrationOf, createBuilding } from '../../simulators/facades/building.ts'
import { createScene, type ScenePlan } from '../../simulators/facades/scene.ts'
import type { FacadeTruth } from './falling-truth.ts'
import { playFile } from './play-file.ts'

const execute = promisify(execFile)

/** What the engine made of a clip or a scene. */
export interface FacadeRun {
  events: Throw[]
  judged: JudgedFall[]
  frames: number
  seconds: number
  framesPerSecond: number
  engine: Pick<FallingEngine, 'counters' | 'stages' | 'restlessShare'>
}

/**
 * Plays a clip through camera reader and engine as the gateway runs them, every picture of it.
 * @throws Error in words when the file cannot be played
 */
export async function runFacadeClip(
  file: string,
  classifier: TrackClassifier,
  calibration: FacadeCalibration | undefined,
): Promise<FacadeRun> {
  const source = await probe(file)
  const events: Throw[] = []
  const judged: JudgedFall[] = []
  let engine: FallingEngine | undefined
  let frames = 0
  let lastMs = 0
  const analysis = { fps: 'all' as const, ...analysisSize(source) }
  await playFile(file, analysis, ({ data, width, height, time }) => {
    engine ??= createFallingEngine({
      ...{ width, height, classifier },
      ...(calibration ? { map: createFacadeMap(calibration) } : {}),
      onThrow: (event) => events.push(event),
      onJudged: (fall) => judged.push(fall),
    })
    engine.observe(data.subarray(0, width * height), time.mediaMs)
    frames++
    lastMs = time.mediaMs
  })
  if (!engine) throw new Error('it holds no pictures')
  engine.finish()
  return { events, judged, frames, seconds: lastMs / 1000, framesPerSecond: source.framesPerSecond, engine }
}

/** Plays a scene of the simulator straight into the engine: no encoder between, at the analysed size. */
export function runScene(plan: ScenePlan, classifier: TrackClassifier): FacadeRun & { truth: FacadeTruth } {
  const scene = createScene(plan)
  const { width, height, frames } = scene
  const building = createBuilding(plan.building, plan.width)
  const calibration = calibrationOf(building)
  const events: Throw[] = []
  const judged: JudgedFall[] = []
  const engine = createFallingEngine({
    ...{ width, height, classifier, map: createFacadeMap(calibration) },
    onThrow: (event) => events.push(event),
    onJudged: (fall) => judged.push(fall),
  })
  const picture = new Uint8ClampedArray(width * height)
  const luma = new Uint8Array(picture.buffer)
  for (let frame = 0; frame < frames; frame++) {
    scene.next(picture)
    engine.observe(luma, (frame * 1000) / plan.framesPerSecond)
  }
  engine.finish()
  const { tracks, throws } = scene.truth()
  const truth: FacadeTruth = {
    ...{ fps: plan.framesPerSecond, size: [width, height], tracks, throws, calibration },
    ...{ building: building.name, daylight: plan.daylight, distractors: [...plan.distractors, ...plan.disturbances] },
  }
  return { events, judged, frames, seconds: plan.seconds, framesPerSecond: plan.framesPerSecond, engine, truth }
}

async function probe(file: string): Promise<{ width: number; height: number; framesPerSecond: number }> {
  const entries = ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'stream=width,height,avg_frame_rate']
  const { stdout } = await execute('ffprobe', [...entries, '-of', 'csv=p=0', `file:${resolve(file)}`]).catch(() => {
    throw new Error('ffprobe finds no video in it')
  })
  const [width, height, rate = ''] = stdout.trim().split(',')
  const [frames = 0, seconds = 1] = rate.split('/').map(Number)
  if (!(Number(width) > 0 && Number(height) > 0)) throw new Error('ffprobe finds no video in it')
  return { width: Number(width), height: Number(height), framesPerSecond: frames / seconds }
}
