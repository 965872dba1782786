/** More times than pictures that can wait for theirs; beyond it the reader is broken. */
const mostWaiting = 256
const longestLineBytes = 1024

/**
 * Presentation times of the pictures, in order, from ffmpeg's metadata printer:
 * `frame:12   pts:216000  pts_time:2.4`, then a line of metadata.
 */
export function createPictureTimes() {
  const times: number[] = []
  let rest = ''
  let lastMs = 0
  return {
    push(chunk: Buffer): void {
      const lines = (rest + chunk.toString('latin1')).split('\n')
      rest = lines.pop()!
      if (rest.length > longestLineBytes) rest = ''
      for (const line of lines) {
        if (!line.startsWith('frame:')) continue
        const seconds = Number(line.match(/pts_time:(-?[\d.]+)/)?.[1])
        // A picture without a time keeps its place in the order.
        if (Number.isFinite(seconds)) lastMs = Math.round(seconds * 1e6) / 1000
        times.push(lastMs)
      }
      if (times.length > mostWaiting) throw new Error('ffmpeg announced pictures that never came')
    },
    /** Milliseconds of stream time of the next picture, or undefined when its line has not come yet. */
    next: (): number | undefined => times.shift(),
  }
}
