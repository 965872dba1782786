/** Zero crossings of the filter on each side of its middle: 80 dB of stop band with the window below. */
const zeroCrossings = 24
/** Kaiser window for about 80 dB. */
const kaiserBeta = 8
/** Share of the lower Nyquist frequency that passes: 3600 Hz of 4000 Hz for a telephone channel. */
const passShare = 0.9

/** Modified Bessel function of the first kind, order 0 (power series). */
function besselI0(x: number): number {
  let sum = 1
  let term = 1
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

/**
 * Changes the sample rate with a windowed-sinc polyphase filter; the result has no delay against the input.
 * Source: J. O. Smith, "Digital Audio Resampling", CCRMA, Stanford.
 * @param samples −1…1
 * @param fromHz,toHz whole numbers
 */
export function resample(samples: Float32Array, fromHz: number, toHz: number): Float32Array {
  if (fromHz === toHz) return samples
  const divisor = greatestCommonDivisor(fromHz, toHz)
  const up = toHz / divisor
  const down = fromHz / divisor
  // Cycles per input sample; the filter also removes what the lower rate cannot carry.
  const cutoff = (passShare * Math.min(fromHz, toHz)) / (2 * fromHz)
  const half = Math.ceil(zeroCrossings / (2 * cutoff))
  const taps = 2 * half
  const bank = Array.from({ length: up }, (_, phase) => filterPhase(phase / up, half, taps, cutoff))

  const out = new Float32Array(Math.floor((samples.length * up) / down))
  for (let n = 0; n < out.length; n++) {
    const position = n * down
    const middle = Math.floor(position / up)
    const filter = bank[position % up]!
    let sum = 0
    for (let tap = 0; tap < taps; tap++) sum += (samples[middle - half + 1 + tap] ?? 0) * filter[tap]!
    out[n] = sum
  }
  return out
}

/** The taps for an output that lies `fraction` of an input sample behind its middle; they add up to 1. */
function filterPhase(fraction: number, half: number, taps: number, cutoff: number): Float32Array {
  const filter = new Float32Array(taps)
  let sum = 0
  for (let tap = 0; tap < taps; tap++) {
    const distance = tap - half + 1 - fraction
    const angle = 2 * Math.PI * cutoff * distance
    const sinc = distance === 0 ? 1 : Math.sin(angle) / angle
    const window = besselI0(kaiserBeta * Math.sqrt(Math.max(0, 1 - (distance / half) ** 2))) / besselI0(kaiserBeta)
    filter[tap] = sinc * window
    sum += filter[tap]!
  }
  return filter.map((tap) => tap / sum)
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}
