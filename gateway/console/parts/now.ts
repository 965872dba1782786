import { onBeforeUnmount, ref } from 'vue'

/** The time, for ages on the page, once a second. */
export function useNow() {
  const now = ref(Date.now())
  const timer = window.setInterval(() => {
    now.value = Date.now()
  }, 1000)
  onBeforeUnmount(() => window.clearInterval(timer))
  return now
}
