import { ref } from 'vue'
import { useI18n } from 'vue-i18n'

/** Runs what a button asks for: one at a time, and what went wrong in words. */
export function useAttempt() {
  const { t } = useI18n()
  const isBusy = ref(false)
  const problem = ref('')
  return {
    isBusy,
    problem,
    async attempt(work: () => Promise<unknown>): Promise<boolean> {
      if (isBusy.value) return false
      isBusy.value = true
      problem.value = ''
      try {
        await work()
        return true
      } catch (error) {
        problem.value = t('failed', { message: error instanceof Error ? error.message : String(error) })
        return false
      } finally {
        isBusy.value = false
      }
    },
  }
}
