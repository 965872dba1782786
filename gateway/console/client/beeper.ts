/** Tones of an alarm by severity: how high, how long, how often within one call. Shape after IEC 60601-1-8's idea. */
const calls: Record<string, { hertz: number[]; everyMs: number }> = {
  critical: { hertz: [988, 784, 988, 784, 988], everyMs: 2500 },
  high: { hertz: [880, 698, 880], everyMs: 4000 },
  medium: { hertz: [659, 659], everyMs: 10_000 },
  low: { hertz: [523], everyMs: 30_000 },
}
const toneSeconds = 0.14
const gapSeconds = 0.08

export interface Beeper {
  /** Sounds the call of this severity again and again until told otherwise; undefined is silence. */
  sound(severity: string | undefined): void
  /** Browsers let a page make sound only after a click or key. */
  unlock(): void
  readonly isLocked: boolean
}

export function createBeeper(): Beeper {
  let context: AudioContext | undefined
  let timer: number | undefined
  let current: string | undefined

  function call(): void {
    const shape = calls[current ?? '']
    if (!shape || context?.state !== 'running') return
    for (const [index, hertz] of shape.hertz.entries()) {
      const start = context.currentTime + index * (toneSeconds + gapSeconds)
      const oscillator = new OscillatorNode(context, { type: 'triangle', frequency: hertz })
      const volume = new GainNode(context, { gain: 0 })
      volume.gain.linearRampToValueAtTime(0.25, start + 0.01)
      volume.gain.setValueAtTime(0.25, start + toneSeconds - 0.02)
      volume.gain.linearRampToValueAtTime(0, start + toneSeconds)
      oscillator.connect(volume).connect(context.destination)
      oscillator.start(start)
      oscillator.stop(start + toneSeconds)
    }
  }

  return {
    sound(severity) {
      if (severity === current) return
      current = severity
      window.clearInterval(timer)
      const shape = calls[severity ?? '']
      if (!shape) return
      call()
      timer = window.setInterval(call, shape.everyMs)
    },
    unlock() {
      context ??= new AudioContext()
      void context.resume()
    },
    get isLocked() {
      return context?.state !== 'running'
    },
  }
}
