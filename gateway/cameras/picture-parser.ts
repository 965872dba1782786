import { type FrameSlot, type FrameSlots, pictureBytes } from './frame-slots.ts'

/** What a YUV4MPEG2 stream turns into. */
export interface PictureSink {
  /** Once, before the first picture. Throws when the size is not acceptable. */
  slotsFor(width: number, height: number): FrameSlots
  onPicture(slot: FrameSlot): void
  /** Every slot is held: this picture is lost. Its place in the order counts all the same. */
  onDropped(): void
}

const longestHeaderBytes = 256
const frameMark = Buffer.from('FRAME\n')

/**
 * Reads YUV4MPEG2 (yuv4mpeg(5)) straight into frame slots: the only copy between ffmpeg and the detector.
 * @param mayDrop false: `push` stops at a picture for which there is no slot and says so
 * @throws Error when the stream is not what ffmpeg was asked for
 */
export function createPictureParser(sink: PictureSink, mayDrop: boolean) {
  let header = ''
  let slots: FrameSlots | undefined
  let bytes = 0
  let marked = 0
  let filled = 0
  let slot: FrameSlot | undefined
  let isDropping = false

  const readHeader = (chunk: Uint8Array): number => {
    const end = chunk.indexOf(0x0a)
    header += Buffer.from(chunk.subarray(0, end === -1 ? chunk.length : end)).toString('latin1')
    if (header.length > longestHeaderBytes) throw new Error('ffmpeg sent no YUV4MPEG2 header')
    if (end === -1) return chunk.length
    const match = header.match(/^YUV4MPEG2 W(\d+) H(\d+) /)
    if (!match) throw new Error('ffmpeg sent no YUV4MPEG2 header')
    slots = sink.slotsFor(Number(match[1]), Number(match[2]))
    bytes = pictureBytes(slots.width, slots.height)
    return end + 1
  }

  return {
    /** @returns how many bytes were taken; fewer than given only when a slot must become free first */
    push(chunk: Uint8Array): number {
      let at = slots ? 0 : readHeader(chunk)
      while (slots && at < chunk.length) {
        if (marked < frameMark.length) {
          if (marked === 0 && !slot && !isDropping) {
            slot = slots.take()
            if (!slot && !mayDrop) return at
            isDropping = !slot
          }
          if (chunk[at] !== frameMark[marked]) throw new Error('the size of the pictures changed')
          marked++
          at++
          continue
        }
        const length = Math.min(bytes - filled, chunk.length - at)
        slot?.data.set(chunk.subarray(at, at + length), filled)
        filled += length
        at += length
        if (filled < bytes) break
        const done = slot
        slot = undefined
        filled = 0
        marked = 0
        isDropping = false
        if (done) sink.onPicture(done)
        else sink.onDropped()
      }
      return at
    },
    /** Gives back a slot that was being filled. */
    end() {
      slot?.discard()
      slot = undefined
    },
  }
}
