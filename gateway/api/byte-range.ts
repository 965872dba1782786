/**
 * A `Range` header against a file of `size` bytes (RFC 9110 §14). Several ranges, or what is no byte range, are
 * answered with the whole, as the RFC allows. Both ends inclusive.
 */
export function parseRange(header: string, size: number): { start: number; end: number } | 'whole' | 'unsatisfiable' {
  const [, first = '', last = ''] = header.match(/^bytes=\s*(\d*)-(\d*)\s*$/) ?? []
  if (first === '' && last === '') return 'whole'
  if (first === '') {
    const length = Number(last)
    return length === 0 || size === 0 ? 'unsatisfiable' : { start: Math.max(0, size - length), end: size - 1 }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return 'whole'
  if (start >= size) return 'unsatisfiable'
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) }
}
