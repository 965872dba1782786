import { onBeforeUnmount, onMounted } from 'vue'

/**
 * Asks when the part appears and every `everyMs` for as long as it is there, one asking at a time; at once when the page
 * is looked at again, because browsers slow the timers of pages nobody looks at.
 * @param load says by itself what went wrong
 */
export function useRenewal(load: () => Promise<unknown>, everyMs: number): void {
  let isAsking = false
  let timer: number | undefined

  function renew(): void {
    if (isAsking) return
    isAsking = true
    load()
      .catch(() => {})
      .finally(() => {
        isAsking = false
      })
  }

  function onShown(): void {
    if (document.visibilityState === 'visible') renew()
  }

  onMounted(() => {
    renew()
    timer = window.setInterval(renew, everyMs)
    document.addEventListener('visibilitychange', onShown)
  })
  onBeforeUnmount(() => {
    window.clearInterval(timer)
    document.removeEventListener('visibilitychange', onShown)
  })
}
