/**
 * What is put into a sentence. As a `Phrase` it travels beside the `key` of its sentence, so nothing in it may be called
 * that.
 */
export type Filling = Readonly<Record<string, string | number>> & { key?: never }

/** Puts parameters into the places `{name}` of a sentence; a place without its parameter stays as it is. */
export function fill(sentence: string, parameters: Readonly<Record<string, string | number>>): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(parameters[name] ?? whole))
}
