import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DatabaseSync } from '@photostructure/sqlite'
import t, { type Test } from 'tap'
import { StartError } from '../core/errors.ts'
import { atomically, closeDatabase, openDatabase } from './database.ts'

const first = 'CREATE TABLE lamp (id TEXT PRIMARY KEY) STRICT;'
const second = "ALTER TABLE lamp ADD COLUMN colour TEXT; UPDATE lamp SET colour = 'white';"

function open(t: Test, options: { directory: string; migrations?: string[]; file?: string; applicationId?: number }) {
  const { directory, migrations = [first], file = join(directory, 'lamps.db'), applicationId = 7 } = options
  const folder = mkdtempSync(join(tmpdir(), 'migrations-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const [n, sql] of migrations.entries()) writeFileSync(join(folder, `${n + 1}.sql`), sql)
  const database = openDatabase({
    file,
    migrations: migrations.map((_, n) => pathToFileURL(join(folder, `${n + 1}.sql`))),
    applicationId,
    synchronous: 'FULL',
  })
  t.teardown(() => closeDatabase(database))
  return database
}

/** What the operator is told: the message and the cure. */
function refusal(t: Test, act: () => unknown): { message: string; hint: string } {
  try {
    act()
  } catch (error) {
    if (error instanceof StartError) return { message: error.message, hint: error.hint }
    throw error
  }
  t.fail('it opened')
  return { message: '', hint: '' }
}

t.test('what is committed is on the disk before the commit returns', async (t) => {
  const database = open(t, { directory: t.testdir() })
  t.match(database.prepare('PRAGMA journal_mode').get(), { journal_mode: 'wal' })
  t.match(database.prepare('PRAGMA synchronous').get(), { synchronous: 2 })
  t.match(database.prepare('PRAGMA foreign_keys').get(), { foreign_keys: 1 })
  t.match(database.prepare('PRAGMA busy_timeout').get(), { timeout: 5000 })
})

t.test('an older file is brought up to date and keeps its rows', async (t) => {
  const directory = t.testdir({ data: {} })
  const old = open(t, { directory: join(directory, 'data') })
  old.exec("INSERT INTO lamp VALUES ('hall')")
  closeDatabase(old)
  await t.test('reopened', async (t) => {
    const now = open(t, { directory: join(directory, 'data'), migrations: [first, second] })
    t.strictSame({ ...now.prepare('SELECT * FROM lamp').get() }, { id: 'hall', colour: 'white' })
    t.match(now.prepare('PRAGMA user_version').get(), { user_version: 2 })
  })
  await t.test('and an older program leaves it alone', async (t) => {
    const { message, hint } = refusal(t, () => open(t, { directory: join(directory, 'data') }))
    t.match(message, /written by a newer version \(schema 2, this one knows 1\)/)
    t.match(hint, /install that version again/)
  })
})

t.test('a migration that fails half way changes nothing', async (t) => {
  const directory = t.testdir({ data: {} })
  closeDatabase(open(t, { directory: join(directory, 'data') }))
  await t.test('reopened', async (t) => {
    const broken = 'CREATE TABLE door (id TEXT) STRICT; INSERT INTO nowhere VALUES (1);'
    const { message } = refusal(t, () => open(t, { directory: join(directory, 'data'), migrations: [first, broken] }))
    t.match(message, /2\.sql: no such table: nowhere/)
  })
  const file = new DatabaseSync(join(directory, 'data', 'lamps.db'))
  t.match(file.prepare('PRAGMA user_version').get(), { user_version: 1 })
  t.equal(file.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'door'").get(), undefined)
  file.close()
})

t.test("another program's file is not touched", async (t) => {
  const directory = t.testdir({ data: {} })
  const file = join(directory, 'data', 'lamps.db')
  const other = new DatabaseSync(file)
  other.exec('CREATE TABLE photo (id TEXT)')
  other.close()
  const before = readFileSync(file)
  t.match(refusal(t, () => open(t, { directory, file })).message, /belongs to another program/)
  t.strictSame(readFileSync(file), before)
})

t.test('a damaged file is named, with the cure', async (t) => {
  const directory = t.testdir({ data: { 'text.db': 'x'.repeat(5000) } })
  const text = refusal(t, () => open(t, { directory, file: join(directory, 'data', 'text.db') }))
  t.match(text, { message: /text\.db is damaged or is no database/, hint: /restore it from a backup/ })

  const file = join(directory, 'data', 'torn.db')
  const database = open(t, { directory, file })
  database.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO lamp SELECT 'lamp ' || i FROM n`)
  closeDatabase(database)
  closeDatabase(database)
  t.equal(statSync(`${file}-wal`).size, 0, 'all of it is in the one file')
  const handle = openSync(file, 'r+')
  writeSync(handle, Buffer.alloc(8192, 0xff), 0, 8192, 40_960)
  closeSync(handle)
  t.match(
    refusal(t, () => open(t, { directory, file })),
    { message: /torn\.db is damaged/, hint: /restore/ },
  )
  truncateSync(file, 20_000)
  t.match(
    refusal(t, () => open(t, { directory, file })),
    { message: /torn\.db is damaged/, hint: /restore/ },
  )
})

t.test('a directory that cannot be written is named, with the cure', async (t) => {
  const directory = t.testdir({ occupied: 'a file', closed: {} })
  const occupied = refusal(t, () => open(t, { directory, file: join(directory, 'occupied', 'lamps.db') }))
  t.match(occupied, { message: /cannot write .*occupied.*EEXIST|ENOTDIR/, hint: /choose another data directory/ })

  const closed = join(directory, 'closed')
  chmodSync(closed, 0o555)
  asNobody(() => {
    const denied = refusal(t, () => open(t, { directory: closed }))
    t.match(denied, { message: /cannot write .*closed/, hint: /make .*closed writable for the user .*uid \d+/ })
  })
})

t.test('a file that may only be read is refused at the start and not at the first alarm', async (t) => {
  const directory = t.testdir({ data: {} })
  const data = join(directory, 'data')
  closeDatabase(open(t, { directory: data }))
  chmodSync(join(data, 'lamps.db'), 0o444)
  chmodSync(data, 0o555)
  asNobody(() => t.match(refusal(t, () => open(t, { directory: data })).message, /cannot write .*lamps\.db/))
  chmodSync(data, 0o755)
})

t.test('work that fails inside a transaction is undone, also when it joined one', async (t) => {
  const database = open(t, { directory: t.testdir() })
  const lamps = () => database.prepare('SELECT count(*) AS n FROM lamp').get().n
  atomically(database, () => atomically(database, () => database.exec("INSERT INTO lamp VALUES ('a')")))
  t.equal(lamps(), 1)
  t.throws(() =>
    atomically(database, () => {
      atomically(database, () => database.exec("INSERT INTO lamp VALUES ('b')"))
      throw new Error('no')
    }),
  )
  t.equal(lamps(), 1)
})

t.test('an empty file is a new one', async (t) => {
  const directory = t.testdir({ data: { 'lamps.db': '' } })
  t.ok(open(t, { directory, file: join(directory, 'data', 'lamps.db') }).isOpen)
})

/** Root may write anywhere: as root, the act is done with another effective user. */
function asNobody(act: () => void): void {
  if (process.geteuid?.() !== 0) return void act()
  process.seteuid?.(65_534)
  try {
    act()
  } finally {
    process.seteuid?.(0)
  }
}
