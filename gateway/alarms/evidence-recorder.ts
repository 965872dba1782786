import { writeFile } from 'node:fs/promises'
import type { Alarm, Evidence } from '../core/alarm.ts'
import type { Camera, EvidenceRecorder, EvidenceStore } from '../core/ports.ts'
import type { FrameTime } from '../core/scene.ts'

export interface EvidenceRecorderOptions {
  evidence: EvidenceStore
  camera(id: string): Camera | undefined
  addEvidence(alarmId: string, evidence: Evidence): void
  /** Evidence that could not be made is an event people can read, never a silent gap. */
  onFailure(alarm: Alarm, type: Evidence['type'], error: unknown): void
  signal: AbortSignal
}

/** The clip shows what led to the alarm and what came of it. */
export const clipSpan = { beforeMs: 5_000, afterMs: 10_000 } as const

/** Snapshot and clip of an alarm, each stored as it becomes ready: file first, then the row that names it. */
export function createEvidenceRecorder(options: EvidenceRecorderOptions): EvidenceRecorder & { idle(): Promise<void> } {
  const { evidence } = options
  const running = new Set<Promise<void>>()

  function start(alarm: Alarm, type: Evidence['type'], work: () => Promise<Evidence>): void {
    const done = work()
      .then((row) => options.addEvidence(alarm.id, row))
      .catch((error) => options.onFailure(alarm, type, error))
      .finally(() => running.delete(done))
    running.add(done)
  }

  async function recordSnapshot(
    alarm: Alarm,
    at: FrameTime,
    camera: string,
    picture: () => Promise<Uint8Array | undefined>,
  ) {
    const jpeg = await picture()
    if (!jpeg) throw new Error('no picture of this frame')
    const { id, temporaryFile } = evidence.reserve(alarm.id, 'snapshot', 'jpg')
    await writeFile(temporaryFile, jpeg)
    return evidence.commit(id, { type: 'snapshot', camera, fromAt: at.at, toAt: at.at, contentType: 'image/jpeg' })
  }

  async function recordClip(alarm: Alarm, around: FrameTime, id: string) {
    const camera = options.camera(id)
    if (!camera) throw new Error(`there is no camera ${id}`)
    const { id: evidenceId, temporaryFile } = evidence.reserve(alarm.id, 'clip', 'mp4')
    const { fromAt, toAt } = await camera.clip({ around, ...clipSpan, file: temporaryFile, signal: options.signal })
    return evidence.commit(evidenceId, { type: 'clip', camera: id, fromAt, toAt, contentType: 'video/mp4' })
  }

  return {
    record(alarm, { camera, frame }, picture) {
      start(alarm, 'snapshot', () => recordSnapshot(alarm, frame, camera, picture))
      start(alarm, 'clip', () => recordClip(alarm, frame, camera))
    },
    async idle() {
      await Promise.all(running)
    },
  }
}
