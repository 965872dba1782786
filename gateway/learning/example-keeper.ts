import type { Alarm } from '../core/alarm.ts'
import type { Box } from '../core/detection.ts'
import type { ExampleVerdict, LearningStore } from '../core/learning.ts'
import type { Frame } from '../core/ports.ts'
import type { Sighting } from '../core/scene.ts'

export interface ExampleKeeperOptions {
  label: string
  store: LearningStore
  /** The alarm as it is stored now: its verdict may have come before its crop. */
  alarm(id: string): Alarm | undefined
  liftOf(camera: string): string | undefined
  /** Part of a frame as JPEG; takes the pixels before it returns. */
  encodeCrop(frame: Frame, box: Box): Promise<Uint8Array>
  onJudged(): void
  onError(error: unknown, what: string): void
  now(): number
  newId(): string
}

export interface ExampleKeeper {
  /** Cuts out what the alarm shows and keeps it; other labels and sightings without a subject are passed over. */
  keep(alarm: Alarm, sighting: Sighting, frame: Frame, model: string): void
  onVerdict(alarmId: string, verdict: ExampleVerdict): void
  /** Waits for crops being written. */
  idle(): Promise<void>
}

/** Surroundings of the box that the crop shows, as a share of its size on each side. */
const margin = 0.35
/** Crops being written; alarms come seconds apart, so more than this means a disk that hangs. */
const mostWriting = 16

/** Keeps what an alarm showed, from the very frame, and notes what a person says of it. */
export function createExampleKeeper(options: ExampleKeeperOptions): ExampleKeeper {
  const { label, store } = options
  const writing = new Set<Promise<void>>()

  function note(alarmId: string, verdict: ExampleVerdict): void {
    if (!store.exampleOfAlarm(alarmId)) return
    store.setVerdict(alarmId, verdict)
    options.onJudged()
  }

  async function write(alarm: Alarm, sighting: Sighting, jpeg: Promise<Uint8Array>, cropBox: Box, model: string) {
    const { subject, camera, frame, detections } = sighting
    const { embedding, score, box } = subject!
    const lift = options.liftOf(camera)
    await store.putExample(
      {
        ...{ id: options.newId(), alarmId: alarm.id, camera, label, model, score, box, cropBox },
        ...(lift === undefined ? {} : { lift }),
        others: detections.filter((each) => each !== subject).map(({ embedding: _, ...facts }) => facts),
        ...(embedding && { embedding }),
        seenAt: frame.at,
        createdAt: options.now(),
      },
      await jpeg,
    )
    const verdict = options.alarm(alarm.id)?.verdict
    if (verdict) note(alarm.id, verdict)
  }

  return {
    keep(alarm, sighting, frame, model) {
      const { subject } = sighting
      if (!subject || subject.label !== label) return
      if (writing.size >= mostWriting) {
        options.onError(new Error(`${writing.size} crops are still being written`), `no crop is kept of ${alarm.id}`)
        return
      }
      const cropBox = around(subject.box)
      const done = write(alarm, sighting, options.encodeCrop(frame, cropBox), cropBox, model)
        .catch((error) => options.onError(error, `no crop is kept of ${alarm.id}`))
        .finally(() => writing.delete(done))
      writing.add(done)
    },
    onVerdict: note,
    async idle() {
      await Promise.all(writing)
    },
  }
}

function around({ x, y, width, height }: Box): Box {
  const left = Math.max(0, x - margin * width)
  const top = Math.max(0, y - margin * height)
  return {
    x: left,
    y: top,
    width: Math.min(1, x + (1 + margin) * width) - left,
    height: Math.min(1, y + (1 + margin) * height) - top,
  }
}
