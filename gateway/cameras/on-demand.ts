import { createDecoderFeed, type WakeReason } from './decoder-feed.ts'
import type { RingListener } from './evidence-ring.ts'
import type { ReaderEnd } from './failure.ts'
import type { PictureOptions } from './options.ts'
import { type ReaderOptions, type ReaderSink, readStream } from './stream-reader.ts'

/*
 * One session with a camera that may rest: the reader copies the stream and decodes nothing, a decoder of our own gets
 * what is worth decoding.
 *
 *   camera ──RTSP/TCP──▶ reader ──packets──▶ evidence ring ──▶ feed ──▶ decoder ──▶ pictures
 *
 * Whichever ends, ends the session, except a decoder that fails by itself: it is replaced once, and the next begins with
 * the newest key picture. The promise settles only when both are gone.
 */

/** A decoder that fails again so soon is not to be trusted with this stream. */
const soonMs = 60_000

export interface OnDemandOptions extends Omit<ReaderOptions, 'feed' | 'pictures'> {
  pictures: PictureOptions
  /** Hands on the camera's packets as they come; returns the function that ends it. */
  tap(listener: RingListener): () => void
  now(): number
  onWake(reason: WakeReason): void
  /** The decoder failed and another takes its place. */
  onReplaced(reason: string): void
  /** The next session had better decode everything by itself. */
  onUnfit(): void
  /** So had every session: the pictures are too large. */
  onLarge(): void
}

export type OnDemandSession = ReturnType<typeof createOnDemandSession>

/** @param sink `onPicture` also hears when a picture was received that waited for the camera to wake, epoch ms */
export function createOnDemandSession(options: OnDemandOptions, sink: ReaderSink) {
  const { input, pictures, ffmpegPath, stallMs, memoryBytes } = options
  let restart = new AbortController()
  let shownMs = Number.NEGATIVE_INFINITY
  const feed = createDecoderFeed({
    stallMs,
    now: options.now,
    onWake: options.onWake,
    onSkipped: sink.onDropped,
    onLarge() {
      options.onLarge()
      restart.abort()
    },
  })
  const onDamage = () => {
    sink.onDamage()
    feed.wake('damage')
  }

  const decodeOnce = (signal: AbortSignal): Promise<ReaderEnd> => {
    restart = new AbortController()
    return readStream(
      {
        ...{ input: { type: 'packets', mayBeLarge: feed.isLarge }, pictures, ffmpegPath, stallMs, memoryBytes },
        feed: feed.attach,
      },
      {
        ...sink,
        onPicture(slot, decoderMs, useful) {
          const { mediaMs, receivedAt } = feed.decoded(decoderMs)
          if (mediaMs > shownMs) {
            shownMs = mediaMs
            return sink.onPicture(slot, mediaMs, useful, receivedAt)
          }
          // The one before this decoder has shown it.
          useful()
          slot.discard()
        },
        onSource() {},
        onDamage,
      },
      AbortSignal.any([signal, restart.signal]),
    )
  }

  const decode = async (signal: AbortSignal): Promise<ReaderEnd> => {
    let failedAt = Number.NEGATIVE_INFINITY
    for (;;) {
      const end = await decodeOnce(signal)
      feed.detach()
      if (signal.aborted) return { type: 'stopped' }
      if (end.type !== 'failed') continue
      const isFed = performance.now() - feed.newestAt < stallMs / 2
      const isSoon = performance.now() - failedAt < soonMs
      failedAt = performance.now()
      const isStalled = end.problem === 'stalled'
      if (isStalled && !isFed) return end
      if (isStalled || isSoon) {
        options.onUnfit()
        return end
      }
      options.onReplaced(end.reason)
    }
  }

  return {
    get isResting() {
      return feed.isResting
    },
    /** What there is to see, as often as it is known. */
    rest: feed.rest,
    /** Reads until the stream or its decoder ends or fails, or the signal aborts. */
    async run(outer: AbortSignal): Promise<ReaderEnd> {
      const over = new AbortController()
      const signal = AbortSignal.any([outer, over.signal])
      let begin = () => {}
      const begun = new Promise<void>((resolve) => {
        begin = resolve
      })
      const untap = options.tap({ onPackets: feed.onPackets, onSessionEnd() {} })
      const reading = readStream(
        { input, ffmpegPath, stallMs, memoryBytes },
        {
          ...sink,
          onTransportStream(chunk) {
            begin()
            sink.onTransportStream(chunk)
          },
          onDamage,
        },
        signal,
      )
      // A camera that does not answer needs no decoder.
      const decoding = Promise.race([begun, reading]).then(() => decode(signal))
      try {
        return await Promise.race([reading, decoding])
      } finally {
        over.abort()
        await Promise.all([reading, decoding])
        untap()
      }
    },
  }
}
