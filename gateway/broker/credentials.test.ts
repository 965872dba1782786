import { readdirSync, readFileSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import {
  addCredential,
  addCredentials,
  CredentialBook,
  hashSecret,
  madeSecretCost,
  readCredentials,
  verifySecret,
} from './credentials.ts'

t.test('the right secret opens, any other does not', async (t) => {
  const hash = await hashSecret('correct horse', madeSecretCost)
  t.match(hash, /^scrypt\$64\$8\$1\$[\w-]+\$[\w-]+$/)
  t.equal(await verifySecret('correct horse', hash), true)
  t.equal(await verifySecret('correct horse ', hash), false)
  t.not(await hashSecret('correct horse', madeSecretCost), hash, 'the same secret has another hash each time')
})

t.test('a secret a person chose is expensive to guess, one we made need not be', async (t) => {
  const file = join(t.testdir(), 'clients')
  const [chosen, made] = await addCredentials(file, [
    { id: 'gateway', role: 'gateway', secret: 'summer2026' },
    { id: 'button', role: 'device' },
  ])
  t.equal(chosen!.secret, 'summer2026')
  t.ok(Buffer.from(made!.secret, 'base64url').length >= 16, 'at least 128 random bits')
  const [first, second] = await readCredentials(file)
  t.match(first, { hash: /^scrypt\$32768\$8\$3\$/ })
  t.match(second, { hash: /^scrypt\$64\$8\$1\$/ })
})

t.test('a malformed or absurdly expensive hash matches nothing', async (t) => {
  const salt = Buffer.alloc(16).toString('base64url')
  const key = Buffer.alloc(32).toString('base64url')
  for (const hash of [
    '',
    'plain',
    `scrypt$63$8$1$${salt}$${key}`,
    `scrypt$1048576$64$1$${salt}$${key}`,
    `scrypt$64$8$1$${salt}$AAAA`,
    `scrypt$64$0$1$${salt}$${key}`,
  ]) {
    t.equal(await verifySecret('x', hash), false, hash)
  }
})

t.test('the file is readable by its owner only, complete at any time, and keeps the others', async (t) => {
  const dir = t.testdir()
  const file = join(dir, 'clients')
  await addCredential(file, { id: 'button', role: 'device' })
  await addCredential(file, { id: 'zigbee', role: 'bridge', publish: ['zigbee2mqtt/#'], subscribe: ['zigbee2mqtt/#'] })
  const before = readFileSync(file, 'utf8').split('\n')[0]
  await addCredential(file, { id: 'zigbee', role: 'bridge', publish: ['zigbee2mqtt/+'] })
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  t.equal(lines.length, 2)
  t.equal(lines[0], before)
  t.match(JSON.parse(lines[1]!), { id: 'zigbee', role: 'bridge', publish: ['zigbee2mqtt/+'] })
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.same(readdirSync(dir), ['clients'], 'no temporary file is left')
})

t.test('every bad line of a file is named at once', async (t) => {
  const good = { id: 'a', role: 'device', hash: await hashSecret('x', madeSecretCost) }
  const line = (change: object) => JSON.stringify({ ...good, ...change })
  const file = join(t.testdir(), 'clients')
  const lines = [
    '# a comment',
    line({}),
    line({}),
    'no json',
    '7',
    line({ id: 'a/b' }),
    line({ id: '$SYS' }),
    line({ id: 'b', role: 'king' }),
    line({ id: 'c', hash: 'plain' }),
    line({ id: 'd', publish: ['a#'] }),
    line({ id: 'e', subscribe: 'a' }),
    '',
  ]
  await writeFile(file, lines.join('\n'))
  const error: Error = await readCredentials(file).then(
    () => new Error('was read'),
    (reason) => reason,
  )
  t.same(
    [...error.message.matchAll(/line (\d+)/g)].map((match) => Number(match[1])),
    [3, 4, 5, 6, 7, 8, 9, 10, 11],
  )
  await t.rejects(addCredential(`${file}-new`, { id: 'a/b', role: 'device' }), /client a\/b: id must be/)
})

t.test('a storm of reconnecting clients costs nothing after the first login', async (t) => {
  const file = join(t.testdir(), 'clients')
  await addCredential(file, { id: 'gateway', role: 'gateway', secret: 'chosen by a person' })
  const book = new CredentialBook(file)
  await book.reload()
  t.match(await book.verify('gateway', 'chosen by a person'), { id: 'gateway' })
  const started = performance.now()
  for (let n = 0; n < 1000; n++) await book.verify('gateway', 'chosen by a person')
  // A thousand of the slow hashes would take minutes.
  t.ok(performance.now() - started < 40_000)
  t.equal(await book.verify('gateway', 'guess'), undefined)
  t.equal(await book.verify('nobody', 'chosen by a person'), undefined)
})

t.test('a changed secret is known after the file is read again, and the old one is worth nothing', async (t) => {
  const file = join(t.testdir(), 'clients')
  const { secret: old } = await addCredential(file, { id: 'button', role: 'device' })
  await addCredential(file, { id: 'lamp', role: 'device' })
  const book = new CredentialBook(file)
  await book.reload()
  t.ok(await book.verify('button', old))
  const { secret } = await addCredential(file, { id: 'button', role: 'device' })
  t.same(await book.reload(), ['button'])
  t.equal(await book.verify('button', old), undefined)
  t.ok(await book.verify('button', secret))
})
