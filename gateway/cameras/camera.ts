import { randomUUID } from 'node:crypto'
import type { Camera, CameraProblem, CameraStatus, ClipInfo, ClipRequest, Frame } from '../core/ports.ts'
import type { FrameTime } from '../core/scene.ts'
import { writeClip } from './clip.ts'
import { createDamageGate } from './damage-gate.ts'
import type { WakeCounts } from './decoder-feed.ts'
import { type Cut, createEvidenceRing, type EvidenceRing } from './evidence-ring.ts'
import type { ReaderEnd } from './failure.ts'
import { createFrameSlots, type FrameSlot, type FrameSlots } from './frame-slots.ts'
import { keepReading } from './keep-reading.ts'
import { createLiveView } from './live-view.ts'
import { createOnDemandSession, type OnDemandSession } from './on-demand.ts'
import { type CameraContext, type CameraOptions, planCamera, type StreamInput } from './options.ts'
import { createRateMeter } from './rate-meter.ts'
import { encodeSnapshot } from './snapshot.ts'
import { type ReaderSink, readStream, type SourceFormat } from './stream-reader.ts'

/*
 * One camera. States of its analysed stream, which are the camera's:
 *
 *   starting ──first picture──▶ up ──session ends──▶ down ──picture──▶ up
 *       └────first failure────────────────────────────▲
 *
 * Where evidence comes from a stream of its own, that one comes and goes without changing the state.
 */

/** The wait for the end of a clip is bounded by this multiple of what was asked after the event. */
const waitFactor = 2

export interface RunningCamera extends Camera {
  /** Reads until aborted, or until a file that does not loop has been played. Never rejects for the camera's reasons. */
  run(signal: AbortSignal): Promise<void>
  /**
   * Whether there is nothing to see, as often as it is known: a camera that may rest does so after some seconds of
   * nothing, and wakes at once.
   */
  rest(isNothingToSee: boolean): void
  /** How often it woke, by why, since the start. */
  wakes(): WakeCounts
}

/** @throws Error for options that cannot work; never for a camera that cannot be reached */
export function createCamera(options: CameraOptions, context: CameraContext): RunningCamera {
  const plan = planCamera(options)
  const { id } = plan
  const ffmpegPath = context.ffmpegPath ?? 'ffmpeg'
  const analysedRing = createEvidenceRing(plan.ring)
  const mainRing = plan.main && createEvidenceRing(plan.ring)
  const rate = createRateMeter(context.now)
  const live = { camera: id, ffmpegPath, logger: context.logger, tap: analysedRing.tap }
  const liveView = createLiveView(live)
  const maskedView = createLiveView({ ...live, isMasked: true })

  let state: CameraStatus['state'] = 'starting'
  let since = context.now()
  let reason: string | undefined
  let problem: CameraProblem | undefined
  let droppedFrames = 0
  let reconnects = 0
  let source: SourceFormat | undefined
  let slots: FrameSlots | undefined
  let newest: Frame | undefined
  /** The present session, where it may rest. */
  let onDemand: OnDemandSession | undefined
  let isUnfit = false
  let isLarge = false
  const wakes: WakeCounts = { asked: 0, larger: 0, 'no-key': 0, late: 0, damage: 0 }

  const status = (): CameraStatus => ({
    ...{ id, state, since, framesPerSecond: state === 'up' ? rate.perSecond() : 0, droppedFrames, reconnects },
    ...(reason === undefined ? {} : { reason }),
    ...(problem === undefined ? {} : { problem }),
    ...(onDemand?.isResting ? { isResting: true as const } : {}),
    ...source,
  })

  const enter = (next: CameraStatus['state'], why?: string, what?: CameraProblem) => {
    reason = why
    problem = what
    if (next === state) return
    const before = state
    state = next
    since = context.now()
    if (next === 'down') context.logger.warn({ camera: id, reason: why }, 'camera lost')
    else if (before === 'down') context.logger.info({ camera: id }, 'camera back')
    context.onStatus?.(status())
  }

  const slotsFor = (width: number, height: number): FrameSlots => {
    if (width > plan.pictures.width || height > plan.pictures.height || width % 2 || height % 2) {
      throw new Error(`ffmpeg sent pictures of ${width}×${height}, which nobody asked for`)
    }
    if (slots?.width !== width || slots.height !== height) slots = createFrameSlots(width, height, plan.heldPictures)
    return slots
  }

  const showNewest = (frame: Frame) => {
    newest?.release()
    newest = frame
  }

  const readAnalysed = async (signal: AbortSignal): Promise<ReaderEnd> => {
    const session = randomUUID()
    const startedAt = context.now()
    const isFast = plan.analysed.type === 'file' && plan.analysed.pace === 'fast'
    const isDamageable = plan.analysed.type === 'rtsp'
    const gate = createDamageGate()
    const ring = analysedRing.begin(session, startedAt)
    analysedRing.onPicture = (picture) => gate.onPicture(picture, performance.now())
    let isOver = false
    let hasThrown = false
    let lastAt = Number.NEGATIVE_INFINITY
    const show = (slot: FrameSlot, time: FrameTime, useful: () => void) => {
      if (isOver) return slot.discard()
      if (isDamageable && !gate.isWhole(time.mediaMs, performance.now())) {
        droppedFrames++
        return slot.discard()
      }
      useful()
      const frame = slot.toFrame(id, time)
      rate.count()
      enter('up')
      showNewest(frame)
      try {
        context.onFrame(frame)
      } catch (error) {
        // The camera is not to blame and goes on; once per session is enough to be found.
        if (!hasThrown) context.logger.warn({ camera: id, error: String(error) }, 'a picture could not be handed on')
        hasThrown = true
      }
    }
    const sink: ReaderSink = {
      slotsFor,
      onPicture(slot, mediaMs, useful, receivedAt) {
        // One that waited keeps its place behind those shown before it.
        const waited = receivedAt === undefined ? undefined : Math.min(context.now(), Math.max(receivedAt, lastAt))
        const at = isFast ? startedAt + mediaMs : (waited ?? context.now())
        lastAt = at
        // What was said about the picture before it came is in another pipe: the next turn of the loop has read it.
        if (isDamageable) setImmediate(() => setImmediate(() => show(slot, { at, mediaMs, session }, useful)))
        else show(slot, { at, mediaMs, session }, useful)
      },
      onDropped() {
        droppedFrames++
      },
      onTransportStream: (chunk) => ring.append(chunk, isFast ? undefined : context.now()),
      onSource(format) {
        source = format
      },
      onDamage: () => gate.onDamage(performance.now()),
    }
    try {
      if (plan.mayRest && !isUnfit && !isLarge) return await readOnDemand(sink, signal)
      isUnfit = false
      return await readStream({ ...readerOptions(plan.analysed), pictures: plan.pictures }, sink, signal)
    } finally {
      isOver = true
      ring.end()
    }
  }

  const readOnDemand = async (sink: ReaderSink, signal: AbortSignal): Promise<ReaderEnd> => {
    const session = createOnDemandSession(
      {
        ...readerOptions(plan.analysed),
        ...{ pictures: plan.pictures, tap: analysedRing.tap, now: context.now },
        onWake: (why) => void wakes[why]++,
        onReplaced: (reason) => context.logger.warn({ camera: id, reason }, 'a decoder failed and was replaced'),
        onUnfit() {
          isUnfit = true
        },
        onLarge() {
          isLarge = true
        },
      },
      sink,
    )
    onDemand = session
    try {
      return await session.run(signal)
    } finally {
      onDemand = undefined
    }
  }

  const readMain = async (input: StreamInput, ring: EvidenceRing, signal: AbortSignal): Promise<ReaderEnd> => {
    const session = ring.begin(randomUUID(), context.now())
    const sink: ReaderSink = {
      slotsFor,
      onPicture: (slot) => slot.discard(),
      onDropped() {},
      onTransportStream: (chunk) => session.append(chunk, context.now()),
      onSource() {},
      onDamage() {},
    }
    try {
      return await readStream(readerOptions(input), sink, signal)
    } finally {
      session.end()
    }
  }

  const readerOptions = (input: StreamInput) => ({
    ...{ input, ffmpegPath, stallMs: plan.stallMs, memoryBytes: plan.readerMemoryBytes },
  })

  const readMainForever = async (signal: AbortSignal) => {
    if (!plan.main || !mainRing) return
    const { main } = plan
    let isLost = false
    await keepReading({
      ...{ backoff: plan.backoff, random: context.random, signal },
      readOnce: (signal) => readMain(main, mainRing, signal),
      onFailed(reason) {
        if (!isLost) context.logger.warn({ camera: id, reason }, 'main stream lost, evidence comes from the sub stream')
        isLost = true
      },
    })
  }

  const cut = async (request: ClipRequest, enough: AbortSignal): Promise<Cut | undefined> => {
    // The main stream when it saw the event, otherwise what the analysis saw. The two meet at their times of receipt.
    const around = { ...request.around, at: analysedRing.receivedAt(request.around) ?? request.around.at }
    const fromMain = mainRing?.covers(around) ? await mainRing.cut({ ...request, around }, enough) : undefined
    if (!fromMain) return analysedRing.cut(request, enough)
    // Told on the clock of the detection: `around.at − fromAt` is where in the clip its picture is.
    return { ...fromMain, mediaZeroAt: fromMain.mediaZeroAt + request.around.at - around.at }
  }

  return {
    id,
    status,
    rest: (isNothingToSee) => onDemand?.rest(isNothingToSee),
    wakes: () => ({ ...wakes }),
    async snapshot(how = {}) {
      return newest && encodeSnapshot(newest, how)
    },
    async clip(request): Promise<ClipInfo> {
      const { signal } = request
      signal?.throwIfAborted()
      const timeUp = AbortSignal.timeout(waitFactor * request.afterMs)
      const enough = signal ? AbortSignal.any([timeUp, signal]) : timeUp
      const found = await cut(request, enough)
      signal?.throwIfAborted()
      if (!found) throw new Error(`camera ${id} holds no pictures of ${new Date(request.around.at).toISOString()}`)
      const bytes = await writeClip(found, request.file, ffmpegPath, signal)
      return { fromAt: found.mediaZeroAt + found.fromMs, toAt: found.mediaZeroAt + found.toMs, bytes }
    },
    watch: (viewer, how = {}) => (how.isMasked ? maskedView : liveView).watch(viewer),
    async run(signal) {
      const stop = new AbortController()
      const reading = AbortSignal.any([signal, stop.signal])
      const main = readMainForever(reading)
      await keepReading({
        ...{ backoff: plan.backoff, random: context.random, signal },
        readOnce: readAnalysed,
        onFailed(why, what) {
          reconnects++
          enter('down', why, what)
        },
      })
      if (!signal.aborted) enter('down', 'the file has been played to its end', 'played')
      stop.abort()
      await main
      liveView.close()
      maskedView.close()
    },
  }
}
