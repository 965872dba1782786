import type { Blob } from './blob.ts'

/*
 * Follows blobs from picture to picture. A track is first a guess:
 *
 *   first sight ──a blob near enough──▶ guess ──5 sights──▶ firm ──not seen for 0.35 s, or out of sight──▶ ended
 *        └──not seen again──▶ forgotten ◀──2 pictures unseen──┘
 *
 * Where a firm track is expected next follows from a parabola through its last sights: a fall that speeds up is met where
 * it will be, also after pictures in which it could not be seen. An acceleration upwards is not believed.
 */

/** One sight of a track: seconds of stream time, pixels of the analysed picture. */
export interface Sight {
  t: number
  x: number
  y: number
  width: number
  height: number
  area: number
  weight: number
  polarity: number
}

export interface Track {
  id: number
  sights: Sight[]
  /** Pictures since its last sight. */
  missed: number
  /** Oldest sights were let go. */
  isCut: boolean
}

const firmSights = 5
const guessMissed = 2
const firmMissedS = 0.35
const mostTracks = 300
/** Sights kept of one track: a sheet of paper from the thirtieth floor is on its way for 40 s, 25 pictures a second. */
const mostSights = 1060
/** Sights the parabola goes through. */
const fitted = 9

export interface Tracker {
  readonly tracks: readonly Track[]
  /** Blobs no track was begun for because there were too many. */
  readonly refused: number
  /**
   * Takes the blobs of the next picture, at `t` seconds.
   * @param mayBegin whether a blob may begin a track where it is
   * @returns tracks that ended with at least `firmSights` sights
   */
  step(t: number, blobs: readonly Blob[], mayBegin: (blob: Blob) => boolean): Track[]
  /** Ends all tracks. */
  finish(): Track[]
}

export function createTracker({ width, height }: { width: number; height: number }): Tracker {
  let tracks: Track[] = []
  let refused = 0
  let nextId = 1
  const cell = 32
  const columns = Math.ceil(width / cell) + 1
  const rows = Math.ceil(height / cell) + 1
  /** How far something may have come in one picture before its speed is known. */
  const firstReach = Math.max(10, height * 0.028)

  const isOut = (track: Track, t: number) => {
    const at = expected(track, t)
    return at.y > height + 4 || at.x < -8 || at.x > width + 8
  }

  return {
    get tracks() {
      return tracks
    },
    get refused() {
      return refused
    },
    step(t, blobs, mayBegin) {
      const grid = new Map<number, number[]>()
      for (const [index, blob] of blobs.entries()) {
        const key = Math.floor(blob.y / cell) * columns + Math.floor(blob.x / cell)
        const list = grid.get(key)
        if (list) list.push(index)
        else grid.set(key, [index])
      }
      const pairs: Array<{ track: number; blob: number; cost: number }> = []
      for (const [index, track] of tracks.entries()) {
        const at = expected(track, t)
        const last = track.sights.at(-1)!
        const reach = reachOf(track, at, last, firstReach, t)
        const [x0, x1] = [Math.floor((at.x - reach) / cell), Math.floor((at.x + reach) / cell)]
        const [y0, y1] = [Math.floor((at.y - reach) / cell), Math.floor((at.y + reach) / cell)]
        for (let cy = Math.max(0, y0); cy <= Math.min(rows, y1); cy++)
          for (let cx = Math.max(0, x0); cx <= Math.min(columns - 1, x1); cx++)
            for (const candidate of grid.get(cy * columns + cx) ?? []) {
              const blob = blobs[candidate]!
              const away = Math.hypot(blob.x - at.x, blob.y - at.y)
              if (away > reach) continue
              const growth = Math.abs(Math.log((blob.area + 2) / (last.area + 2)))
              if (growth > 2.2) continue
              const turned = Math.abs(blob.polarity - last.polarity) * 0.15
              const settled = Math.min(track.sights.length, 20) * 0.03
              pairs.push({ track: index, blob: candidate, cost: away / reach + growth * 0.35 + turned - settled })
            }
      }
      pairs.sort((a, b) => a.cost - b.cost)
      const taken = new Uint8Array(blobs.length)
      const met = new Uint8Array(tracks.length)
      for (const pair of pairs) {
        if (taken[pair.blob] || met[pair.track]) continue
        taken[pair.blob] = 1
        met[pair.track] = 1
        const track = tracks[pair.track]!
        track.sights.push(sightOf(t, blobs[pair.blob]!))
        track.missed = 0
        if (track.sights.length > mostSights) {
          track.sights.splice(0, 60)
          track.isCut = true
        }
      }
      const ended: Track[] = []
      const kept: Track[] = []
      for (const [index, track] of tracks.entries()) {
        if (!met[index]) track.missed++
        const isFirm = track.sights.length >= firmSights
        const unseenS = t - track.sights.at(-1)!.t
        const isOver = isFirm
          ? track.missed > 0 && (unseenS > firmMissedS || isOut(track, t))
          : track.missed > (track.sights.length > 1 ? guessMissed : 1)
        if (!isOver) kept.push(track)
        else if (isFirm) ended.push(track)
      }
      tracks = kept
      for (const [index, blob] of blobs.entries()) {
        if (taken[index] || !mayBegin(blob)) continue
        if (tracks.length >= mostTracks) {
          refused++
          continue
        }
        tracks.push({ id: nextId++, sights: [sightOf(t, blob)], missed: 0, isCut: false })
      }
      return ended
    },
    finish() {
      const ended = tracks.filter(({ sights }) => sights.length >= firmSights)
      tracks = []
      return ended
    },
  }
}

function sightOf(t: number, { x, y, width, height, area, weight, polarity }: Blob): Sight {
  return { t, x, y, width, height, area, weight, polarity }
}

function reachOf(track: Track, at: { speed: number }, last: Sight, firstReach: number, t: number): number {
  const pictures = track.missed + 1
  const body = Math.max(last.width, last.height) * 0.5
  if (track.sights.length === 1) return firstReach * pictures + body * 0.5
  const perPicture = (at.speed * (t - last.t)) / pictures
  if (track.sights.length < firmSights) return 5 + body * 0.5 + perPicture * 0.6 * pictures
  return 3.5 + body * 0.4 + perPicture * (0.25 + 0.12 * pictures)
}

/** Where a track should be at `t`, and its speed there, pixels per second. */
function expected({ sights }: Track, t: number): { x: number; y: number; speed: number } {
  const last = sights.at(-1)!
  const n = Math.min(sights.length, fitted)
  if (n === 1) return { x: last.x, y: last.y, speed: 0 }
  const first = sights[sights.length - n]!
  if (n < 4) {
    const span = last.t - first.t
    const [vx, vy] = [(last.x - first.x) / span, (last.y - first.y) / span]
    return { x: last.x + vx * (t - last.t), y: last.y + vy * (t - last.t), speed: Math.hypot(vx, vy) }
  }
  const recent = sights.slice(-n)
  const ahead = t - last.t
  const fx = line(recent, last.t, ({ x }) => x)
  const fy = n >= 5 ? parabola(recent, last.t) : { ...line(recent, last.t, ({ y }) => y), bend: 0 }
  // Only gravity bends a path for long, and it bends downwards.
  const bend = Math.max(0, fy.bend)
  const vy = fy.slope + 2 * bend * ahead
  return {
    x: fx.at + fx.slope * ahead,
    y: fy.at + fy.slope * ahead + bend * ahead * ahead,
    speed: Math.hypot(fx.slope, vy),
  }
}

function line(sights: readonly Sight[], t0: number, value: (sight: Sight) => number): { at: number; slope: number } {
  let [st, sv, stt, stv] = [0, 0, 0, 0]
  const n = sights.length
  for (const sight of sights) {
    const t = sight.t - t0
    const v = value(sight)
    st += t
    sv += v
    stt += t * t
    stv += t * v
  }
  const slope = (n * stv - st * sv) / Math.max(1e-9, n * stt - st * st)
  return { at: (sv - slope * st) / n, slope }
}

/** Least squares y = at + slope·t + bend·t², t from t0. */
export function parabola(
  sights: ReadonlyArray<{ t: number; y: number }>,
  t0: number,
): { at: number; slope: number; bend: number } {
  let [n, s1, s2, s3, s4, y0, y1, y2] = [0, 0, 0, 0, 0, 0, 0, 0]
  for (const sight of sights) {
    const t = sight.t - t0
    const tt = t * t
    n++
    s1 += t
    s2 += tt
    s3 += tt * t
    s4 += tt * tt
    y0 += sight.y
    y1 += sight.y * t
    y2 += sight.y * tt
  }
  const det = n * (s2 * s4 - s3 * s3) - s1 * (s1 * s4 - s2 * s3) + s2 * (s1 * s3 - s2 * s2)
  if (Math.abs(det) < 1e-12) {
    const slope = (n * y1 - s1 * y0) / Math.max(1e-9, n * s2 - s1 * s1)
    return { at: (y0 - slope * s1) / Math.max(1, n), slope, bend: 0 }
  }
  return {
    at: (y0 * (s2 * s4 - s3 * s3) - s1 * (y1 * s4 - y2 * s3) + s2 * (y1 * s3 - y2 * s2)) / det,
    slope: (n * (y1 * s4 - y2 * s3) - y0 * (s1 * s4 - s2 * s3) + s2 * (s1 * y2 - s2 * y1)) / det,
    bend: (n * (s2 * y2 - s3 * y1) - s1 * (s1 * y2 - s2 * y1) + y0 * (s1 * s3 - s2 * s2)) / det,
  }
}
