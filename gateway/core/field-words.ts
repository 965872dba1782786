import { type Filling, fill } from './fill.ts'
import type { FieldProblem } from './registration.ts'

/**
 * What can be wrong with a field that somebody wrote, with what is put into it. The console says it in its own languages by
 * the same keys; these words are for logs, for machines and for the console's English.
 */
export const fieldWords = {
  missing: 'is missing',
  unknown: 'is not known here',
  'one-of': 'must be one of {values}',
  wrong: 'is not written as it should be',
  'no-object': 'must be an object',
  'no-column': 'is no column; known are {known}',
  'column-twice': 'is there twice',
  'column-missing': 'is missing among the columns',
  'file-empty': 'the file is empty',
  'quote-open': 'a quote that opens here is never closed',
  'too-many-rows': 'more than {limit} rows; bring them in parts',
  'too-many-cells': 'has {cells} cells, the head {head}',
  'not-json': 'is not JSON',
  'no-codec': 'there is no codec "{codec}"; known are {known}',
  'no-elder': 'there is no elder "{elder}"',
  'no-building': 'there is no building "{building}"',
  'no-unit': 'building "{building}" has no unit "{unit}"',
  'no-lift': 'there is no lift "{lift}"',
  'unit-alone': 'a unit needs its building',
  'modbus-address': 'is of devices behind a bridge; one that is polled by Modbus has none',
  'stands-before': '{id} stands in line {first} already',
  'address-of-site': '{address} is taken by a device of the site',
  'address-of-line': '{address} is taken by line {first}',
} as const
export type FieldWord = keyof typeof fieldWords

/** What is wrong with a field, in words and for translation. */
export function wrongField(
  key: FieldWord,
  parameters: Filling = {},
): Required<Pick<FieldProblem, 'message' | 'phrase'>> {
  return { message: fill(fieldWords[key], parameters), phrase: { key, ...parameters } }
}
