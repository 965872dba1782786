import { scryptSync } from 'node:crypto'
import t from 'tap'
import { hashPassword, isOutdated, verifyPassword } from './password.ts'

t.test('only the right password fits its hash', async (t) => {
  const hash = await hashPassword('电梯 lift 3')
  t.match(hash, /^scrypt\$15\$8\$3\$[\w-]{22}\$[\w-]{43}$/)
  t.ok(await verifyPassword('电梯 lift 3', hash))
  for (const wrong of ['', '电梯 lift 4', '电梯 lift 3 ', 'LIFT']) t.notOk(await verifyPassword(wrong, hash), wrong)
  t.not(await hashPassword('电梯 lift 3'), hash, 'two people with one password have two hashes')
  t.notOk(isOutdated(hash))
})

t.test('an umlaut is the same umlaut on every keyboard', async (t) => {
  t.ok(await verifyPassword('Tu\u0308r', await hashPassword('T\u00fcr')))
})

t.test('a hash with older parameters still verifies and is known to be outdated', async (t) => {
  const salt = Buffer.from('0123456789abcdef')
  const key = scryptSync('secret', salt, 32, { N: 1024, r: 8, p: 1 })
  const old = `scrypt$10$8$1$${salt.toString('base64url')}$${key.toString('base64url')}`
  t.ok(await verifyPassword('secret', old))
  t.ok(isOutdated(old))
})

t.test('what is no hash of ours fits no password and costs nothing', async (t) => {
  for (const stored of ['', 'secret', 'scrypt$99$8$1$AAAA$AAAA', 'scrypt$0$8$1$AAAA$AAAA', 'scrypt$20$64$1$AAAA$AAAA'])
    t.notOk(await verifyPassword('secret', stored), stored)
})

t.test('hashing leaves the event loop free', async (t) => {
  let turns = 0
  let isDone = false
  const hashing = hashPassword('secret').then(() => {
    isDone = true
  })
  while (!isDone) {
    turns++
    await new Promise((resolve) => setImmediate(resolve))
  }
  await hashing
  t.ok(turns > 10, `${turns} turns`)
})
