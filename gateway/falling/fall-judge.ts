import type { Blob } from './blob.ts'
import type { FacadeMap } from './calibration.ts'
import type { TrackClassifier } from './classifier.ts'
import { continues, expectedY, joined } from './continuation.ts'
import { type FallSegment, findFall, inMetres } from './fall-segment.ts'
import { featuresOf } from './features.ts'
import { isFreeFall, isHeavyFall, isPlausible } from './plausible.ts'
import { type Flight, flightOf, type Movement, movementOf, rememberedFlights, surroundingsOf } from './surroundings.ts'
import { assembleThrow, type BelievedFall, belongTogether, type Throw } from './throw.ts'
import { createTracker, type Track } from './track.ts'

/*
 * Follows what stands out and judges what comes down:
 *
 *   blobs ─▶ tracks ─▶ falls ─▶ classifier ─▶ throws
 *
 * A throw is told once nothing that belongs to it is still on its way, at the latest `longestHoldS` after its end. Time is
 * the stream's own; the same blobs give the same throws.
 */

export interface FallJudgeOptions {
  /** Of the analysed picture, pixels. */
  width: number
  height: number
  classifier: TrackClassifier
  map?: FacadeMap
  onThrow(event: Throw): void
  /** Every fall that was judged, for training and for the question why nothing was told. */
  onJudged?(judged: JudgedFall): void
}

export interface JudgedFall extends BelievedFall {
  isBelieved: boolean
}

export interface FallJudge {
  readonly counters: Readonly<{ crowdedFrames: number; refusedTracks: number; unjudgedFalls: number }>
  /** Tiles too restless for a track to begin in, a share of all: trees, screens, flags. */
  readonly restlessShare: number
  /** Takes the blobs of the next picture. @param t seconds of the stream @param pictureS usual time between two pictures */
  step(t: number, blobs: readonly Blob[], pictureS: number): void
  /** Tells what is still held back. */
  finish(): void
}

/** Side of the largest object, picture heights. */
const largestShare = 0.06
const mostBlobs = 250
const holdS = 0.45
/** Below 12 pictures a second a fall is a handful of points, and so is a step. */
const slowestPictureS = 0.085
/** Told of what follows gravity alone, which the classifier is not asked about. */
const freeFallScore = 0.97
const longestHoldS = 6
/** So long for something that should still be on its way, above the lowest part of the picture. */
const unseenHoldS = 1.8
const bottomShare = 0.93
/** Paths that may go on. */
const mostParts = 300
/** So long after its end a told fall still claims the rest of its path. */
const longestFallS = 20
const tile = 16
/** Share of the pictures with movement that makes a tile restless, and how slowly it is learnt, pictures. */
const restlessFrom = 0.3
const restlessMemory = 400
/** How long ended tracks are remembered as surroundings, seconds. */
const memoryS = 6

export function createFallJudge(options: FallJudgeOptions): FallJudge {
  const { width, height, classifier, map } = options
  const size = { width, height }
  const tracker = createTracker(size)
  const counters = { crowdedFrames: 0, refusedTracks: 0, unjudgedFalls: 0 }
  const tilesAcross = Math.ceil(width / tile)
  const restless = new Float32Array(tilesAcross * Math.ceil(height / tile))
  const moved = new Uint8Array(restless.length)
  const past: Movement[] = []
  const flights: Flight[] = []
  const parts: FallSegment[] = []
  let waiting: BelievedFall[] = []
  let told: FallSegment[] = []
  let t = 0
  let pictureS = 0.04

  const tileOf = ({ x, y }: { x: number; y: number }) => Math.floor(y / tile) * tilesAcross + Math.floor(x / tile)

  const learnRestlessness = (blobs: readonly Blob[]) => {
    moved.fill(0)
    for (const blob of blobs) {
      const [x0, x1] = [blob.x - blob.width / 2, blob.x + blob.width / 2]
      const [y0, y1] = [blob.y - blob.height / 2, blob.y + blob.height / 2]
      for (let y = Math.max(0, y0); y <= Math.min(height - 1, y1 + tile - 1); y += tile)
        for (let x = Math.max(0, x0); x <= Math.min(width - 1, x1 + tile - 1); x += tile)
          moved[tileOf({ x: Math.min(x, x1), y: Math.min(y, y1) })] = 1
    }
    for (let i = 0; i < restless.length; i++) restless[i]! += (moved[i]! - restless[i]!) / restlessMemory
  }

  const judge = (track: Track) => {
    const movement = movementOf(track)
    if (movement) past.push(movement)
    const flown = flightOf(track, height)
    if (flown) flights.push(flown)
    if (flights.length > rememberedFlights.most) flights.shift()
    const part = findFall(track, size, pictureS, map)
    if (!part || part.toS - part.fromS < 0.16) return
    if (pictureS > slowestPictureS) {
      counters.unjudgedFalls++
      return
    }
    const others = [...past, ...tracker.tracks.flatMap((each) => movementOf(each) ?? [])]
    const whole = withWhatWentBefore(part, others)
    const judged = (whole === part ? [part] : [whole, part]).map((fall): JudgedFall => {
      const features = featuresOf(fall, size, 1 / pictureS, surroundingsOf(fall, track.id, others, flights, size))
      const isCandidate = (!fall.isFlight || isHeavyFall(features)) && !isLarge(fall, height) && isPlausible(features)
      const isCertain = isCandidate && isFreeFall(features)
      const score = isCertain ? freeFallScore : isCandidate ? classifier.score(features) : 0
      return { fall, score, features, isBelieved: isCertain || score >= classifier.threshold }
    })
    for (const each of judged) options.onJudged?.(each)
    // The rest of a path that was told already, whatever it looks like on its own.
    if (told.some((each) => belongTogether(each, whole, size) || continues(each, part, size))) {
      told.push(whole)
      return
    }
    const best = judged.find(({ isBelieved }) => isBelieved)
    if (best) waiting.push({ ...best, fall: whole })
  }

  /** A path that was lost on its way and found again is one path. */
  const withWhatWentBefore = (part: FallSegment, others: readonly Movement[]): FallSegment => {
    const crowd = others.filter(({ fromS, toS }) => toS > part.fromS - 1 && fromS < part.toS).length
    const before = parts.findLast((each) => !each.isFlight && continues(each, part, size, { crowd }))
    let whole = part
    if (before) {
      parts.splice(parts.indexOf(before), 1)
      whole = joined(before, part)
      if (map) whole = { ...whole, metric: inMetres(whole.sights, size, map) }
      waiting = waiting.filter(({ fall }) => fall !== before)
    }
    parts.push(whole)
    if (parts.length > mostParts) parts.shift()
    return whole
  }

  /** Tells throws whose every part has ended. */
  const settle = (isEnd: boolean) => {
    while (past.length > 0 && past[0]!.toS < t - memoryS) past.shift()
    while (flights.length > 0 && flights[0]!.toS < t - rememberedFlights.seconds) flights.shift()
    while (parts.length > 0 && parts[0]!.toS < t - memoryS) parts.shift()
    told = told.filter(({ toS }) => toS > t - longestFallS)
    if (waiting.length === 0) return
    const groups: BelievedFall[][] = []
    for (const fall of waiting) {
      const near = groups.filter((group) => group.some((each) => belongTogether(each.fall, fall.fall, size)))
      for (const group of near) groups.splice(groups.indexOf(group), 1)
      groups.push([fall, ...near.flat()])
    }
    waiting = []
    for (const group of groups) {
      const endS = Math.max(...group.map(({ fall }) => fall.toS))
      const isOpen = t - endS < longestHoldS && tracker.tracks.some((track) => mayBelong(track, group))
      // What is only out of sight, not out of the picture, is waited for.
      const isInView = group.some(({ fall }) => expectedY(fall, t - fall.toS) < height * bottomShare)
      if (isEnd || (t - endS > (isInView ? unseenHoldS : holdS) && !isOpen)) {
        told.push(...group.map(({ fall }) => fall))
        options.onThrow(assembleThrow(group, size, map))
      } else waiting.push(...group)
    }
  }

  const mayBelong = (track: Track, group: readonly BelievedFall[]) => {
    if (track.sights.length < 5) return false
    const fall = findFall(track, size, pictureS)
    return fall !== undefined && t - fall.toS < 0.2 && group.some((each) => belongTogether(each.fall, fall, size))
  }

  return {
    counters,
    get restlessShare() {
      return restless.reduce((sum, each) => sum + (each > restlessFrom ? 1 : 0), 0) / restless.length
    },
    step(at, all, usualS) {
      t = at
      pictureS = usualS
      learnRestlessness(all)
      let blobs = all
      if (all.length > mostBlobs) {
        counters.crowdedFrames++
        blobs = [...all].sort((a, b) => b.weight - a.weight).slice(0, mostBlobs)
      }
      const ended = tracker.step(t, blobs, (blob) => restless[tileOf(blob)]! < restlessFrom)
      for (const track of ended) judge(track)
      counters.refusedTracks = tracker.refused
      settle(false)
    },
    finish() {
      for (const track of tracker.finish()) judge(track)
      settle(true)
    },
  }
}

/** People, cars and gondolas: nothing of that size is thrown far from the lens. */
function isLarge({ sights }: FallSegment, height: number): boolean {
  const areas = sights.map(({ area }) => area).sort((a, b) => a - b)
  return Math.sqrt(areas[areas.length >> 1]!) > largestShare * height
}
