import { type Filling, fill } from './fill.ts'
import type { FieldProblem } from './registration.ts'

/**
 * What can be wrong with a field that somebody wrote, on a page, in a table or in a model.json, with what is put into
 * it. The console says it in its own languages by the same keys; these words are for logs, for machines and for the console's English.
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
  'also-in-site-file': 'is also registered on the console; the site file counts',

  // Of a model and its model.json.
  'no-model-file': 'cannot be read ({code}); a model folder holds model.json and its weights',
  'no-weights': "{file} cannot be read ({code}); put the model's weights there",
  'other-weights':
    '{file} has SHA-256 {found}, expected {expected}; the file is damaged or was exchanged. Fetch it again from its source; if you changed it on purpose, put the new hash into model.json',
  'not-beside': '"{file}" must be a file beside model.json, without a folder',
  'no-label': '"{label}" is not one of labels',
  unsigned:
    '{file} cannot be read ({code}); models.publicKey asks for a signature. Sign it: openssl pkeyutl -sign -rawin -inkey private.pem -in model.json -out model.json.sig',
  forged:
    '{file} is no signature of {document} by the key of models.publicKey; the model was changed after signing, or signed by somebody else',
  'model-unloadable': 'the model cannot be loaded: {said}',
  'model-slow': 'the model was not loaded within {seconds} s',
  'model-input': 'the model has no input "{input}"; it has {inputs}',
  'model-size': 'the model wants {wanted}, the manifest gives {given}',
  'model-more-inputs': 'the model also wants the input {inputs}, which head "{head}" does not fill',
  'model-output': 'the model has no output "{output}"; it has {outputs}',
  'model-output-nth': 'the model has no output number {nth}; it has {outputs}',
  'model-output-shape': 'output "{output}" is {found}, but {because} call for {wanted}',
} as const
export type FieldWord = keyof typeof fieldWords

/** What is wrong with a field, in words and for translation. */
export function wrongField(
  key: FieldWord,
  parameters: Filling = {},
): Required<Pick<FieldProblem, 'message' | 'phrase'>> {
  return { message: fill(fieldWords[key], parameters), phrase: { key, ...parameters } }
}

/** Everything that is wrong in one line, for logs and for machines. */
export function problemsInWords(problems: readonly FieldProblem[]): string {
  return problems.map(({ field, message }) => (field ? `${field} ${message}` : message)).join('; ')
}
