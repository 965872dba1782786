import { ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { ApiProblem } from '../client/http.ts'

/** Runs what a button asks for: one at a time, and what went wrong in words. */
export function useAttempt() {
  const { t, te } = useI18n()
  const isBusy = ref(false)
  const problem = ref('')
  /** The kind of problem in the language of the page, then what the gateway says about this one. */
  function inWords(error: unknown): string {
    if (!(error instanceof ApiProblem) || !te(`problem.${error.code}`)) return String((error as Error).message ?? error)
    const kind = t(`problem.${error.code}`)
    return error.code === 'refused' || error.code === 'invalid' || error.code === 'unavailable'
      ? t('problem.more', { kind, message: error.message })
      : kind
  }
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
        problem.value = t('failed', { message: inWords(error) })
        return false
      } finally {
        isBusy.value = false
      }
    },
  }
}
