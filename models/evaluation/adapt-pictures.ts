import { basename, dirname, extname, join, relative } from 'node:path'
import type { Detection } from '../../gateway/core/detection.ts'
import type { JudgedExample } from '../../gateway/core/learning.ts'
import { readPicture } from '../../gateway/inference/image.ts'
import type { ModelSession } from '../../gateway/inference/session.ts'
import type { ebikeInElevator } from '../../gateway/scenes/ebike-in-elevator.ts'
import { bestSighting } from '../../gateway/scenes/ebike-sighting.ts'
import type { DataProblem } from './evaluator.ts'
import { eBike } from './lift-model.ts'

type SceneOptions = Parameters<typeof ebikeInElevator.create>[0]

/** A picture as one alarm of one lift, or as none. */
export interface AlarmPicture {
  name: string
  lift: string
  holds: boolean
  detections: readonly Detection[]
  /** What the scene acts on; undefined: no alarm. */
  subject: Detection | undefined
}

/** Which lift a picture counts to: its folder and its name without the digits at the end. */
export function liftOf(file: string, root: string): string {
  const name = basename(file, extname(file)).replace(/[-_]?\d+$/, '')
  const folder = dirname(relative(root, file)).replace(/(^|\/)images(?=\/|$)/, '')
  return join(basename(root), folder, name)
}

export async function lookAt(
  file: string,
  facts: { root: string; holds: boolean },
  parts: { session: ModelSession; scene: SceneOptions; problems: DataProblem[] },
): Promise<AlarmPicture | undefined> {
  try {
    const { detections } = await parts.session.infer(await readPicture(file), [eBike])
    const lift = liftOf(file, facts.root)
    return { name: file, lift, holds: facts.holds, detections, subject: sightingOf(detections, parts.scene) }
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0]!
    parts.problems.push({ where: file, what: `no readable picture (${reason})` })
    return undefined
  }
}

/** What the scene would act on. */
export function sightingOf(detections: readonly Detection[], scene: SceneOptions): Detection | undefined {
  return bestSighting(detections, { camera: '', lift: undefined }, scene)
}

/** The alarm of a picture with the verdict that its labels give. */
export function verdictOn({ name, lift, holds, subject }: AlarmPicture, nth: number): JudgedExample {
  const { score, box, embedding } = subject!
  return {
    ...{ id: name, alarmId: name, camera: lift, lift, label: eBike, model: '', score, box, cropBox: box, others: [] },
    ...{ seenAt: nth, createdAt: nth, file: name, sha256: '', embedding: embedding! },
    verdict: { value: holds ? 'confirmed' : 'false-alarm', by: '', at: nth },
  }
}
