import t from 'tap'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { ensureFirstAdmin } from './server.ts'
import { apiStarter, createFakePasswords, password } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })

const login = (name: string, secret: string, remoteAddress = '10.0.0.1') =>
  ({ method: 'POST', url: '/api/v1/session', payload: { name, password: secret }, remoteAddress }) as const
const whoAmI = { url: '/api/v1/session' }

t.test('logging in gives a cookie scripts cannot read, and logging out ends it', async (t) => {
  const scene = await start(t)
  const answer = await scene.app.inject(login('operator', password))
  t.match(answer.json(), { user: { name: 'operator', role: 'operator' }, csrfToken: /.{20,}/ })
  t.match(answer.cookies[0], { name: 'gridgate_session', httpOnly: true, sameSite: 'Strict', path: '/' })
  t.notOk(answer.cookies[0]?.secure, 'plain HTTP')
  t.notMatch(JSON.stringify(scene.store.journal({ after: 0, limit: 10 })), answer.cookies[0]?.value)

  const operator = await scene.login('operator')
  t.match((await operator.inject(whoAmI)).json(), { user: { name: 'operator' }, csrfToken: operator.csrfToken })
  t.equal((await operator.inject({ method: 'DELETE', url: '/api/v1/session' })).statusCode, 204)
  t.equal((await operator.inject(whoAmI)).statusCode, 401)
})

t.test('behind a proxy that ends TLS the cookie is for TLS only', async (t) => {
  const scene = await start(t, { trustProxy: '127.0.0.1' })
  const headers = { 'x-forwarded-proto': 'https' }
  const answer = await scene.app.inject({ ...login('operator', password, '127.0.0.1'), headers })
  t.ok(answer.cookies[0]?.secure)
})

t.test('a session unused for long ends, one in use goes on, and each ends some day', async (t) => {
  const hour = 3600_000
  const scene = await start(t, { limits: { sessionIdleMs: 2 * hour, sessionLifetimeMs: 5 * hour } })
  const [used, unused] = [await scene.login('operator'), await scene.login('operator')]
  for (let n = 0; n < 4; n++) {
    scene.clock.at += hour
    t.equal((await used.inject(whoAmI)).statusCode, 200, `hour ${n + 1}`)
  }
  t.equal((await unused.inject(whoAmI)).statusCode, 401)
  scene.clock.at += hour
  t.equal((await used.inject(whoAmI)).statusCode, 401, 'the day has come')
})

t.test('a wrong password and an unknown name are told and checked alike', async (t) => {
  const scene = await start(t)
  const known = await scene.app.inject(login('operator', 'wrong'))
  const unknown = await scene.app.inject(login('nobody', 'wrong'))
  t.equal(known.statusCode, 401)
  t.equal(known.body, unknown.body)
  t.equal(scene.passwords.verified, 2, 'the unknown name cost a check too')
})

t.test('guessing at a name is slowed down more and more, and the right password cures it', async (t) => {
  const scene = await start(t)
  const guess = (n: number) => scene.app.inject(login('operator', 'wrong', `10.0.${n}.1`))
  for (let n = 0; n < 5; n++) t.equal((await guess(n)).statusCode, 401)
  const slowed = await guess(6)
  t.equal(slowed.statusCode, 429)
  t.match(slowed.json(), { error: { code: 'too-many' } })
  t.equal(slowed.headers['retry-after'], '1')
  const checks = scene.passwords.verified
  t.equal((await scene.app.inject(login('operator', password, '10.0.7.1'))).statusCode, 429)
  t.equal(scene.passwords.verified, checks, 'no password is checked meanwhile')
  scene.clock.at += 1000
  t.equal((await guess(8)).statusCode, 401)
  t.equal((await guess(9)).headers['retry-after'], '2')
  scene.clock.at += 2000
  t.equal((await scene.app.inject(login('operator', password, '10.0.7.1'))).statusCode, 200)
  t.equal((await guess(10)).statusCode, 401, 'forgotten')
})

t.test('guessing from one address is slowed down whatever the names', async (t) => {
  const scene = await start(t)
  for (let n = 0; n < 10; n++) t.equal((await scene.app.inject(login(`name-${n}`, 'wrong'))).statusCode, 401)
  t.equal((await scene.app.inject(login('operator', password))).statusCode, 429)
  t.equal((await scene.app.inject(login('operator', password, '10.0.0.2'))).statusCode, 200, 'others are not hindered')
})

t.test('guesses sent at the same time gain nothing', async (t) => {
  const scene = await start(t)
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, n) => scene.app.inject(login('operator', 'wrong', `10.1.${n}.1`))),
  )
  t.equal(answers.filter((answer) => answer.statusCode === 401).length, 5)
})

t.test('who logged in, failed to and left is in the journal, without secrets', async (t) => {
  const scene = await start(t)
  await scene.app.inject(login('my-secret-in-the-wrong-field', 'hunter2'))
  await scene.app.inject(login('operator', 'hunter2'))
  const operator = await scene.login('operator')
  await operator.inject({ method: 'DELETE', url: '/api/v1/session' })
  const rows = scene.store.journal({ after: 0, limit: 10, topics: ['audit'] })
  t.same(
    rows.map((row) => [row.transition, row.subject]),
    [
      ['login-failed', 'unknown'],
      ['login-failed', 'id-operator'],
      ['login-succeeded', 'id-operator'],
      ['logged-out', 'id-operator'],
    ],
  )
  t.match(rows[0]?.data, { address: '10.0.0.1' })
  t.notMatch(JSON.stringify(rows), /hunter2|my-secret/)
})

t.test('a disabled user neither logs in nor stays', async (t) => {
  const scene = await start(t)
  const [admin, operator] = [await scene.login('admin'), await scene.login('operator')]
  await admin.inject({ method: 'POST', url: '/api/v1/users/id-operator/disable' })
  t.equal((await operator.inject(whoAmI)).statusCode, 401)
  t.equal((await scene.app.inject(login('operator', password))).statusCode, 401)
})

t.test('the first start makes an admin with a password of its own and never another', async (t) => {
  const store = openStore({ file: `${t.testdir()}/gateway.db`, now: () => 1 })
  t.teardown(() => store.close())
  const passwords = createFakePasswords()
  const first = await ensureFirstAdmin({ store, passwords, now: () => 1 })
  t.match(first, /^([a-z2-9]{5}-){3}[a-z2-9]{5}$/)
  const admin = store.userWithHash('admin')
  t.equal(admin?.role, 'admin')
  t.ok(await passwords.verify(first!, admin!.passwordHash))
  t.equal(await ensureFirstAdmin({ store, passwords, now: () => 2 }), undefined)
})
