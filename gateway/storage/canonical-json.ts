/**
 * JSON with sorted keys and no white space: equal values give equal text, whoever wrote them. What JSON.stringify leaves
 * out or turns into null (undefined, functions, NaN), this does too.
 */
export function canonicalJson(value: unknown): string {
  return textOf(value) ?? 'null'
}

// Written out rather than as a replacer of JSON.stringify, which is slower: every journal row passes here.
function textOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if ('toJSON' in value && typeof value.toJSON === 'function') return textOf(value.toJSON())
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item) ?? 'null').join(',')}]`
  const members: string[] = []
  for (const key of Object.keys(value).sort()) {
    const text = textOf((value as Record<string, unknown>)[key])
    if (text !== undefined) members.push(`${JSON.stringify(key)}:${text}`)
  }
  return `{${members.join(',')}}`
}
