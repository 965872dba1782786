/**
 * True when `topic` matches the MQTT topic filter `filter`. Source: MQTT 3.1.1 §4.7.
 * A filter that starts with a wildcard does not match topics that start with `$` [MQTT-4.7.2-1].
 */
export function matches(filter: readonly string[], topic: readonly string[]): boolean {
  if (topic[0]?.startsWith('$') && (filter[0] === '+' || filter[0] === '#')) return false
  for (let i = 0; i < filter.length; i++) {
    const level = filter[i]
    if (level === '#') return true
    if (i >= topic.length || (level !== '+' && level !== topic[i])) return false
  }
  return filter.length === topic.length
}

/** True when every topic that matches `asked` also matches `allowed`. */
export function covers(allowed: readonly string[], asked: readonly string[]): boolean {
  if (asked[0]?.startsWith('$') && (allowed[0] === '+' || allowed[0] === '#')) return false
  for (let i = 0; i < allowed.length; i++) {
    const level = allowed[i]
    if (level === '#') return true
    const wanted = asked[i]
    if (wanted === undefined || wanted === '#') return false
    if (level !== '+' && level !== wanted) return false
  }
  return allowed.length === asked.length
}

/** True for a well-formed topic filter. Source: MQTT 3.1.1 §4.7.1. */
export function isTopicFilter(filter: string): boolean {
  if (filter === '' || filter.includes('\0') || filter.length > 65_535) return false
  return filter
    .split('/')
    .every((level, i, all) => (level === '#' ? i === all.length - 1 : level === '+' || !/[+#]/.test(level)))
}

/**
 * Compiles filters once into a test that runs per message. Exact topics are one look-up and `prefix/#` one comparison,
 * because nearly every rule of ours has one of these two forms.
 */
export function compileFilters(filters: readonly string[]): (topic: string) => boolean {
  const exact = new Set<string>()
  const prefixes: string[] = []
  const general: string[][] = []
  for (const filter of filters) {
    const head = filter.slice(0, -2)
    if (!/[+#]/.test(filter)) exact.add(filter)
    else if (filter.endsWith('/#') && !/[+#]/.test(head)) prefixes.push(head)
    else general.push(filter.split('/'))
  }
  return (topic) => {
    if (exact.has(topic)) return true
    for (const prefix of prefixes) {
      if (topic.startsWith(prefix) && (topic.length === prefix.length || topic.charCodeAt(prefix.length) === 47)) {
        return true
      }
    }
    if (general.length === 0) return false
    const levels = topic.split('/')
    return general.some((filter) => matches(filter, levels))
  }
}
