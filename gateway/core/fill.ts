/** Puts parameters into the places `{name}` of a sentence; a place without its parameter stays as it is. */
export function fill(sentence: string, parameters: Readonly<Record<string, string | number>>): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => String(parameters[name] ?? whole))
}
