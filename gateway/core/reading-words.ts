import type { Phrase } from './alarm.ts'
import { fill } from './fill.ts'

/**
 * Why a reading that was understood is refused all the same, with what is put into it. The console says it in its own
 * languages by the same keys; these words are for machines and for the console's English.
 */
export const readingWords = {
  'no-number': '{metric} must be a number',
  'no-boolean': '{metric} must be true or false',
  'no-text': '{metric} must be text',
  outside: '{metric} is outside {from} to {to} {unit}',
  'stored-without-time': 'a stored value has no believable time; set the clock of the sensor',
} as const
export type ReadingWord = keyof typeof readingWords

/** A refusal in words and for translation, without the value itself: alike ones are counted together. */
export function refuseReading(
  key: ReadingWord,
  parameters: Readonly<Record<string, string | number>> & { key?: never } = {},
): { reason: string; phrase: Phrase } {
  return { reason: fill(readingWords[key], parameters).trimEnd(), phrase: { key, ...parameters } }
}
