import { ref } from 'vue'
import type { FieldError, Why } from '../../api/schemas/index.ts'
import { ApiProblem } from '../client/http.ts'
import { useWords } from './words.ts'

/** Runs what a button asks for: one at a time, and what went wrong in words. */
export function useAttempt() {
  const { t, te, who, said, camera } = useWords()
  const isBusy = ref(false)
  const problem = ref('')

  /** What stands in a refusal by its id, by its name. */
  const names: Record<string, (value: string) => string> = {
    by: (id) => who(id),
    camera,
    answer: (type) => t(`response.did.${type}`),
    role: (role) => t(`side.${role}`),
    ...Object.fromEntries(['from', 'to', 'state'].map((part) => [part, (step: string) => t(`step.${step}`)])),
  }

  /** A refusal of the rules, or what a speaker answered; undefined where there is no sentence for it. */
  function sentence(phrase: Why | undefined): string | undefined {
    if (!phrase) return undefined
    if (!te(`refused.${phrase.key}`)) return te(`said.${phrase.key}`) ? said([phrase]) : undefined
    const named = Object.entries(phrase).map(([name, value]) => [name, names[name]?.(String(value)) ?? value])
    return t(`refused.${phrase.key}`, Object.fromEntries(named))
  }

  function fieldInWords({ field, message, phrase }: FieldError): string {
    // What is wrong with the request as a whole was told about its `body`.
    // Lines of a table are told as `line 3: kind`.
    const [, line, ofLine] = /^line (\d+)(?:: (.*))?$/.exec(field) ?? []
    if (line !== undefined) {
      const told = fieldInWords({ field: ofLine ?? '', message, ...(phrase ? { phrase } : {}) })
      return t('field.line', { line, message: told })
    }
    const name = field.replace(/^(body|query|params)\.?/, '')
    const words = phrase && te(`field.${phrase.key}`) ? t(`field.${phrase.key}`, phrase) : (sentence(phrase) ?? message)
    return te(`field.names.${name}`) ? `${t(`field.names.${name}`)} ${words}` : [name, words].filter(Boolean).join(' ')
  }

  const fieldsInWords = (problems: readonly FieldError[]): string => problems.map(fieldInWords).join(t('said.and'))

  /** The kind of problem in the language of the page, then what the gateway says about this one. */
  function inWords(error: unknown): string {
    if (!(error instanceof ApiProblem) || !te(`problem.${error.code}`)) return String((error as Error).message ?? error)
    const kind = t(`problem.${error.code}`)
    const { code, message, details, phrase } = error
    if (code === 'invalid') return t('problem.more', { kind, message: details[0] ? fieldInWords(details[0]) : message })
    if (code !== 'refused' && code !== 'unavailable') return kind
    // A refusal for several reasons holds them in words as its `problem`.
    const why = phrase && details.length > 0 ? { ...phrase, problem: fieldsInWords(details) } : phrase
    return t('problem.more', { kind, message: sentence(why) ?? message })
  }
  return {
    isBusy,
    problem,
    /** What stands in the way, in the language of the page. */
    sentence,
    fieldInWords,
    /** Everything that is wrong with something, in one line. */
    fieldsInWords,
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
