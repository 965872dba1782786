import { Counter, collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client'
import type { CameraStatus, ChannelState, Store } from './core/ports.ts'

export interface MeasuredParts {
  detector: {
    stats(): {
      workersReady: number
      restarts: number
      stuck: number
      waiting: number
      cameras: Record<string, { analysed: number; superseded: number; failed: number }>
    }
  }
  cameras(): CameraStatus[]
  /** How often cameras that rest woke, by why. */
  wakes(): Array<{ camera: string; wakes: Readonly<Record<string, number>> }>
  looks(): Array<{ camera: string; wanted: Readonly<Record<string, number>>; spared: number }>
  /** Facade cameras: pictures by what became of them, and threads that were replaced. */
  facades: {
    frames(): Array<{ camera: string; outcome: string; count: number }>
    restarts(): Array<{ camera: string; count: number }>
  }
  intake: { stats(): object }
  receiptCounts(): Readonly<Record<string, number>>
  alarms: { unstored(): Readonly<Record<string, number>> }
  courier: {
    counts(): Readonly<Record<string, number>>
    channels(): ChannelState[]
  }
  /** Detections the second stage looked at, since the start; undefined while learning is off. */
  learning?(): { judged: number; vetoed: number; protected: number } | undefined
  announcer: { counts(): Readonly<Record<string, number>> }
  store: Pick<Store, 'onAppend' | 'lastSeq'>
}

export interface Metrics {
  registry: Registry
  /** From a frame's arrival to the scene's answer. */
  noteDecision(camera: string, milliseconds: number): void
}

/** Prometheus metrics of the gateway, read from its parts when they are asked for. */
export function createMetrics(registry: Registry, parts: MeasuredParts): Metrics {
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const decision = new Histogram({
    name: 'gridgate_decision_seconds',
    help: 'From the arrival of a frame to the answer of its scene.',
    buckets: [0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.35, 0.5, 1, 2.5],
    registers,
  })
  const journal = new Counter({
    name: 'gridgate_journal_entries_total',
    help: 'Rows appended to the journal since the start.',
    labelNames: ['topic', 'transition'],
    registers,
  })
  parts.store.onAppend(({ topic, transition }) => journal.inc({ topic, transition }))

  const gauge = (name: string, help: string, labelNames: string[], read: (gauge: Gauge) => void) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        read(this)
      },
    })
  gauge('gridgate_journal_last_seq', 'Sequence number of the newest journal row.', [], (each) =>
    each.set(parts.store.lastSeq),
  )
  gauge(
    'gridgate_alarms_unstored',
    'Alarms that could not be stored: kept in memory, given up because there were too many.',
    ['outcome'],
    (each) => {
      for (const [outcome, count] of Object.entries(parts.alarms.unstored())) each.set({ outcome }, count)
    },
  )
  gauge(
    'gridgate_learning_detections_total',
    'Detections that what the site has learned was asked about: judged in all, taken back, kept by a floor.',
    ['outcome'],
    (each) => {
      for (const [outcome, count] of Object.entries(parts.learning?.() ?? {})) each.set({ outcome }, count)
    },
  )
  gauge('gridgate_camera_up', '1 while the camera delivers frames.', ['camera'], (each) => {
    for (const { id, state } of parts.cameras()) each.set({ camera: id }, state === 'up' ? 1 : 0)
  })
  gauge('gridgate_camera_dropped_frames', 'Frames dropped before analysis.', ['camera'], (each) => {
    for (const { id, droppedFrames } of parts.cameras()) each.set({ camera: id }, droppedFrames)
  })
  gauge(
    'gridgate_camera_resting',
    '1 while nothing is to be seen and few pictures are decoded.',
    ['camera'],
    (each) => {
      for (const { id, isResting } of parts.cameras()) each.set({ camera: id }, isResting ? 1 : 0)
    },
  )
  gauge(
    'gridgate_camera_wakes',
    'How often a resting camera woke, by why, since the start.',
    ['camera', 'reason'],
    (each) => {
      for (const { camera, wakes } of parts.wakes())
        for (const [reason, count] of Object.entries(wakes)) each.set({ camera, reason }, count)
    },
  )
  gauge('gridgate_inference_workers_ready', 'Inference workers ready to take a frame.', [], (each) =>
    each.set(parts.detector.stats().workersReady),
  )
  gauge('gridgate_inference_restarts', 'Inference workers replaced since the start.', [], (each) =>
    each.set(parts.detector.stats().restarts),
  )
  gauge('gridgate_inference_workers_stuck', 'Inference threads given up inside the runtime.', [], (each) =>
    each.set(parts.detector.stats().stuck),
  )
  gauge('gridgate_inference_frames', 'Frames by what became of them.', ['camera', 'outcome'], (each) => {
    for (const [camera, counts] of Object.entries(parts.detector.stats().cameras))
      for (const [outcome, count] of Object.entries(counts)) each.set({ camera, outcome }, count)
  })
  gauge('gridgate_frame_looks', 'Frames by why they were analysed, or spared.', ['camera', 'reason'], (each) => {
    for (const { camera, wanted, spared } of parts.looks())
      for (const [reason, count] of Object.entries({ ...wanted, spared })) each.set({ camera, reason }, count)
  })
  gauge(
    'gridgate_facade_frames',
    'Pictures of facade cameras: analysed, fitting nothing known, too full of movement, dropped because too many waited.',
    ['camera', 'outcome'],
    (each) => {
      for (const { camera, outcome, count } of parts.facades.frames()) each.set({ camera, outcome }, count)
    },
  )
  gauge('gridgate_facade_restarts', 'Threads of facade cameras replaced since the start.', ['camera'], (each) => {
    for (const { camera, count } of parts.facades.restarts()) each.set({ camera }, count)
  })
  gauge('gridgate_mqtt_messages', 'MQTT messages by what became of them.', ['outcome'], (each) => {
    for (const [outcome, count] of Object.entries(parts.intake.stats())) each.set({ outcome }, count)
  })
  gauge('gridgate_announcements', 'Voice announcements by what became of them.', ['outcome'], (each) => {
    for (const [outcome, count] of Object.entries(parts.announcer.counts())) each.set({ outcome }, count)
  })
  gauge('gridgate_notifications', 'Messages to people by what became of them.', ['outcome'], (each) => {
    for (const [outcome, count] of Object.entries(parts.courier.counts())) each.set({ outcome }, count)
  })
  gauge(
    'gridgate_pushed_receipts',
    'Receipts that providers pushed, by whether they are of ours.',
    ['outcome'],
    (each) => {
      for (const [outcome, count] of Object.entries(parts.receiptCounts())) each.set({ outcome }, count)
    },
  )
  gauge('gridgate_notifier_up', '0 while a channel to people is lost.', ['notifier'], (each) => {
    for (const { notifier, state } of parts.courier.channels()) each.set({ notifier }, state === 'down' ? 0 : 1)
  })
  gauge('gridgate_notifier_waiting', 'Messages that wait for a channel.', ['notifier'], (each) => {
    for (const { notifier, waiting } of parts.courier.channels()) each.set({ notifier }, waiting)
  })
  return { registry, noteDecision: (_camera, milliseconds) => decision.observe(milliseconds / 1000) }
}
