import { reactive, readonly } from 'vue'
import type { ElderGlance } from '../../api/schemas/index.ts'

export interface ElderWatch {
  state: { readonly elders: readonly ElderGlance[]; readonly isLoaded: boolean }
  /** Asks again and again until the function it returns is called by everybody who called this one. */
  watch(): () => void
  /** Asks now. One request at a time: a second call waits for the first and asks once more. */
  load(): Promise<void>
  /** Asks now where anybody watches. */
  refresh(): void
  /** Ends all watching and forgets what was shown. */
  end(): void
}

const renewMs = 5000

/** How the people are whom the caller looks after. The live feed is not for caregivers, so this asks. */
export function createElderWatch(options: {
  get(): Promise<{ items: ElderGlance[] }>
  onHeard(isHeard: boolean): void
}): ElderWatch {
  const state = reactive<{ elders: ElderGlance[]; isLoaded: boolean }>({ elders: [], isLoaded: false })
  let watchers = 0
  let timer: number | undefined
  let running: Promise<void> | undefined
  let isAskedAgain = false
  let generation = 0

  async function ask(): Promise<void> {
    const asked = generation
    do {
      isAskedAgain = false
      const found = await options.get().catch(() => undefined)
      if (asked !== generation) return
      options.onHeard(found !== undefined)
      if (found) Object.assign(state, { elders: found.items, isLoaded: true })
    } while (isAskedAgain)
  }

  function load(): Promise<void> {
    if (running) isAskedAgain = true
    const current =
      running ??
      ask().finally(() => {
        if (running === current) running = undefined
      })
    running = current
    return current
  }

  /** Browsers slow the timers of pages nobody looks at: what is looked at again is asked for at once. */
  function onShown(): void {
    if (document.visibilityState === 'visible') void load()
  }

  function stop(): void {
    window.clearInterval(timer)
    document.removeEventListener('visibilitychange', onShown)
  }

  return {
    state: readonly(state) as ElderWatch['state'],
    load,
    refresh() {
      if (watchers > 0) void load()
    },
    watch() {
      let isWatching = true
      const begun = generation
      if (watchers++ === 0) {
        timer = window.setInterval(load, renewMs)
        document.addEventListener('visibilitychange', onShown)
      }
      void load()
      return () => {
        if (!isWatching || begun !== generation) return
        isWatching = false
        if (--watchers === 0) stop()
      }
    },
    end() {
      generation++
      watchers = 0
      running = undefined
      stop()
      Object.assign(state, { elders: [], isLoaded: false })
    },
  }
}
