/** What changes the whole picture: the pole sways, the exposure follows the light, the camera switches to infrared. */
export const pictureDisturbances = ['shake', 'exposure', 'infrared', 'clouds'] as const
export type PictureDisturbanceKind = (typeof pictureDisturbances)[number]

export interface PictureState {
  /** Shift of the picture, pixels. */
  dx: number
  dy: number
  /** Luma becomes luma · gain + offset. */
  gain: number
  offset: number
}

/** @returns the state of the picture at a time in seconds; `unit` is 1/960 of the picture's width in pixels */
export function createPictureDisturbance(
  kinds: readonly PictureDisturbanceKind[],
  random: () => number,
  unit: number,
): (time: number) => PictureState {
  const sway = Array.from({ length: 3 }, (_, i) => ({
    rate: (1 + random() * 2) * (i + 1),
    x: (random() * 1.6 * unit) / (i + 1),
    y: (random() * 0.8 * unit) / (i + 1),
    phase: random() * 7,
  }))
  const gustEvery = 6 + random() * 10
  const steps = Array.from({ length: 60 }, () => ({ wait: 4 + random() * 14, gain: 0.75 + random() * 0.5 }))
  const switchAt = 8 + random() * 25
  const cloud = { rate: 0.08 + random() * 0.2, depth: 0.1 + random() * 0.25, phase: random() * 7 }
  return (time) => {
    const state = { dx: 0, dy: 0, gain: 1, offset: 0 }
    if (kinds.includes('shake')) {
      const gust = 0.25 + 0.75 * Math.max(0, Math.sin((time / gustEvery) * 2 * Math.PI)) ** 2
      for (const { rate, x, y, phase } of sway) {
        state.dx += x * gust * Math.sin(time * rate * 2 * Math.PI + phase)
        state.dy += y * gust * Math.sin(time * rate * 2.2 * Math.PI + phase)
      }
    }
    if (kinds.includes('exposure')) state.gain *= steppedGain(steps, time)
    if (kinds.includes('clouds'))
      state.gain *= 1 - cloud.depth * (0.5 + 0.5 * Math.sin(time * cloud.rate + cloud.phase))
    if (kinds.includes('infrared') && time > switchAt) {
      state.gain *= 0.7
      state.offset += 30
    }
    return state
  }
}

/** An automatic exposure: a new level now and then, reached within about half a second. */
function steppedGain(steps: ReadonlyArray<{ wait: number; gain: number }>, time: number): number {
  let begun = 0
  let gain = 1
  for (const step of steps) {
    begun += step.wait
    if (time < begun) return gain
    const share = Math.min(1, (time - begun) / 0.5)
    gain += (step.gain - gain) * share
    if (share < 1) return gain
  }
  return gain
}
