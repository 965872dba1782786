/**
 * JSON with sorted keys and no white space: equal values give equal text, whoever wrote them. `undefined`, functions and
 * non-finite numbers go the way of JSON.stringify.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, current: unknown) => {
    if (typeof current !== 'object' || current === null || Array.isArray(current)) return current
    const source = current as Record<string, unknown>
    const keys = Object.keys(source)
    if (keys.every((key, index) => index === 0 || keys[index - 1]! < key)) return source
    return Object.fromEntries(keys.sort().map((key) => [key, source[key]]))
  })
}
