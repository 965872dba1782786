import type { Alarm } from '../core/alarm.ts'
import type { Box, Detection } from '../core/detection.ts'
import type { ExampleVerdict, LearningStore } from '../core/learning.ts'
import type { Frame } from '../core/ports.ts'
import type { FrameTime, Sighting } from '../core/scene.ts'

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
  /** Keeps what was taken back, so that somebody can see it and say what it was: seldom for each camera, boundedly many. */
  keepTakenBack(camera: string, detection: Detection, all: readonly Detection[], frame: Frame, model: string): void
  onVerdict(alarmId: string, verdict: ExampleVerdict): void
  /** Waits for crops being written. */
  idle(): Promise<void>
}

/** Surroundings of the box that the crop shows, as a share of its size on each side. */
const margin = 0.35
/** Crops being written; alarms come seconds apart, so more than this means a disk that hangs. */
const mostWriting = 16
/** A poster that is taken back five times a second is one thing to look at. */
const takenBackEveryMs = 600_000
/** Taken back and not judged; the oldest go first. */
const mostTakenBack = 200

/** Keeps what an alarm showed, from the very frame, and notes what a person says of it. */
export function createExampleKeeper(options: ExampleKeeperOptions): ExampleKeeper {
  const { label, store } = options
  const writing = new Set<Promise<void>>()
  const takenBackAt = new Map<string, number>()

  function note(alarmId: string, verdict: ExampleVerdict): void {
    const example = store.exampleOfAlarm(alarmId)
    if (!example) return
    store.setVerdict(example.id, verdict)
    options.onJudged()
  }

  async function write(shown: Shown, jpeg: Promise<Uint8Array>, cropBox: Box): Promise<void> {
    const { subject, all, camera, time, model, alarmId } = shown
    const { embedding, score, box } = subject
    const lift = options.liftOf(camera)
    await store.putExample(
      {
        ...{ id: options.newId(), camera, label, model, score, box, cropBox },
        ...(alarmId === undefined ? {} : { alarmId }),
        ...(lift === undefined ? {} : { lift }),
        others: all.filter((each) => each !== subject).map(({ embedding: _, ...facts }) => facts),
        ...(embedding && { embedding }),
        seenAt: time.at,
        createdAt: options.now(),
      },
      await jpeg,
    )
  }

  /** Cuts the crop out now and writes it in the background. */
  function cut(shown: Shown, frame: Frame, what: string, after: () => Promise<void> | void): void {
    if (writing.size >= mostWriting) {
      options.onError(new Error(`${writing.size} crops are still being written`), `no crop is kept of ${what}`)
      return
    }
    const cropBox = around(shown.subject.box)
    const done = write(shown, options.encodeCrop(frame, cropBox), cropBox)
      .then(after)
      .catch((error) => options.onError(error, `no crop is kept of ${what}`))
      .finally(() => writing.delete(done))
    writing.add(done)
  }

  return {
    keep(alarm, sighting, frame, model) {
      const { subject, camera, frame: time, detections: all } = sighting
      if (!subject || subject.label !== label) return
      cut({ subject, all, camera, time, model, alarmId: alarm.id }, frame, alarm.id, () => {
        const verdict = options.alarm(alarm.id)?.verdict
        if (verdict) note(alarm.id, verdict)
      })
    },
    keepTakenBack(camera, subject, all, frame, model) {
      const before = takenBackAt.get(camera)
      const { time } = frame
      // A clock set back must not keep the next one away for longer than that.
      if (before !== undefined && Math.abs(time.at - before) < takenBackEveryMs) return
      takenBackAt.set(camera, time.at)
      cut({ subject, all, camera, time, model }, frame, `what camera ${camera} was taken back`, async () => {
        for (const { id } of store.takenBackBeyond(mostTakenBack)) await store.removeExample(id)
      })
    },
    onVerdict: note,
    async idle() {
      await Promise.all(writing)
    },
  }
}

/** What one example shows. */
interface Shown {
  subject: Detection
  /** What else the model saw in the frame, and the subject. */
  all: readonly Detection[]
  camera: string
  time: FrameTime
  model: string
  alarmId?: string
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
