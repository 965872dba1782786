import { randomBytes } from 'node:crypto'

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** `alarm-01jd3k7q2v8m…`: sorts by time (48 bits of epoch ms), unique by 60 random bits. After ULID's layout. */
export function newId(prefix: string, at: number): string {
  let time = ''
  for (let rest = at, digit = 0; digit < 10; digit++, rest = Math.floor(rest / 32)) time = alphabet[rest % 32] + time
  const random = [...randomBytes(12)].map((byte) => alphabet[byte % 32]).join('')
  return `${prefix}-${time}${random}`
}
