import { join } from 'node:path'
import pino from 'pino'
import t from 'tap'
import { SessionDatabase } from './session-database.ts'

const silent = pino({ level: 'silent' })

function busyFor(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('while the disk is slow, messages of several turns share one commit and none is lost', async (t) => {
  const file = join(t.testdir(), 'sessions.db')
  const database = new SessionDatabase(file, silent)
  const put = database.db.prepare('INSERT INTO session (client_id, last_seen) VALUES (?, 0)')
  database.write(() => {
    busyFor(10)
    put.run('slow')
  })
  await database.committed()
  t.equal(database.commits, 1)
  const turns = 50
  const stored: Array<Promise<void>> = []
  for (let n = 0; n < turns; n++) {
    database.write(() => put.run(`client-${n}`))
    stored.push(database.committed())
    await turn()
  }
  await Promise.all(stored)
  t.ok(database.commits < turns, `${database.commits} commits for ${turns} turns`)
  database.close()
  const again = new SessionDatabase(file, silent)
  t.same(again.db.prepare('SELECT count(*) AS count FROM session').get(), { count: turns + 1 })
  again.close()
})

t.test('who waits while the store is closed learns that everything is on the disk', async (t) => {
  const file = join(t.testdir(), 'sessions.db')
  const database = new SessionDatabase(file, silent)
  const put = database.db.prepare('INSERT INTO session (client_id, last_seen) VALUES (?, 0)')
  database.write(() => {
    busyFor(10)
    put.run('first')
  })
  await database.committed()
  database.write(() => put.run('last'))
  const stored = database.committed()
  database.close()
  await stored
  const again = new SessionDatabase(file, silent)
  t.same(again.db.prepare('SELECT count(*) AS count FROM session').get(), { count: 2 })
  again.close()
})
