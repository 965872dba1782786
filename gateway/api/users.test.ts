import t from 'tap'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { apiStarter, password } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })

const post = (path: string, payload?: object) =>
  ({ method: 'POST', url: `/api/v1/users${path}`, ...(payload ? { payload } : {}) }) as const
const whoAmI = { url: '/api/v1/session' }

t.test('an admin creates an account, and nobody ever sees a password again', async (t) => {
  const scene = await start(t)
  const admin = await scene.login('admin')
  const created = await admin.inject(post('', { name: '李 wei', role: 'operator', password: 'twelve chars' }))
  t.equal(created.statusCode, 201, created.body)
  t.same(Object.keys(created.json()).sort(), ['createdAt', 'id', 'isDisabled', 'name', 'role'])
  t.equal((await admin.inject(post('', { name: '李 wei', role: 'admin', password: 'twelve chars' }))).statusCode, 409)
  const list = await admin.inject({ url: '/api/v1/users' })
  t.same(list.json().items.length, 4)
  t.notMatch(list.body, /[Hh]ash|twelve/)
  const login = await scene.app.inject({
    method: 'POST',
    url: '/api/v1/session',
    payload: { name: '李 wei', password: 'twelve chars' },
  })
  t.equal(login.statusCode, 200)
  const rows = scene.store.journal({ after: 0, limit: 100, topics: ['audit'] })
  t.match(
    rows.find((row) => row.transition === 'user-created'),
    { actor: { id: 'id-admin' }, data: { role: 'operator' } },
  )
  t.notMatch(JSON.stringify(rows), /twelve chars/)
})

t.test('the control room reads who acknowledged, and no more than the name', async (t) => {
  const scene = await start(t)
  const names = { url: '/api/v1/users/names' }
  const operator = await scene.login('operator')
  t.same((await operator.inject(names)).json().items, [
    { id: 'id-admin', name: 'admin' },
    { id: 'id-caregiver', name: 'caregiver' },
    { id: 'id-operator', name: 'operator' },
  ])
  t.equal((await operator.inject({ url: '/api/v1/users' })).statusCode, 403)
  t.equal((await (await scene.login('caregiver')).inject(names)).statusCode, 403)
})

t.test('machines are not users, and easy passwords are refused', async (t) => {
  const scene = await start(t)
  const admin = await scene.login('admin')
  for (const [payload, field] of [
    [{ name: 'm', role: 'bridge', password: 'twelve chars' }, 'body.role'],
    [{ name: 'p', role: 'operator', password: 'short' }, 'body.password'],
    [{ name: 'operator-one', role: 'operator', password: 'operator-one1' }, 'body.password'],
    [{ name: ' space', role: 'operator', password: 'twelve chars' }, 'body.name'],
  ] as const)
    t.match((await admin.inject(post('', payload))).json().error.details, [{ field }])
})

t.test('people change their own password with the current one, and all their sessions end', async (t) => {
  const scene = await start(t)
  const [operator, elsewhere] = [await scene.login('operator'), await scene.login('operator')]
  const change = (currentPassword: string) =>
    post('/id-operator/password', { password: 'another long one', currentPassword })
  t.match((await operator.inject(change('wrong'))).json().error.details, [{ field: 'body.currentPassword' }])
  t.equal((await operator.inject(post('/id-admin/password', { password: 'another long one' }))).statusCode, 403)
  t.equal((await operator.inject(change(password))).statusCode, 204)
  t.equal((await operator.inject(whoAmI)).statusCode, 401)
  t.equal((await elsewhere.inject(whoAmI)).statusCode, 401)
  await t.rejects(scene.login('operator'), { message: /name or password/ })
})

t.test('an admin sets the password of another without knowing the old one', async (t) => {
  const scene = await start(t)
  const [admin, operator] = [await scene.login('admin'), await scene.login('operator')]
  t.equal((await admin.inject(post('/id-operator/password', { password: 'another long one' }))).statusCode, 204)
  t.equal((await operator.inject(whoAmI)).statusCode, 401)
  t.equal((await admin.inject(whoAmI)).statusCode, 200)
  t.equal((await admin.inject(post('/nobody/password', { password: 'another long one' }))).statusCode, 404)
})

t.test('an account is closed and opened, but never the last admin', async (t) => {
  const scene = await start(t)
  const admin = await scene.login('admin')
  t.match((await admin.inject(post('/id-operator/disable'))).json(), { isDisabled: true })
  await t.rejects(scene.login('operator'))
  t.match((await admin.inject(post('/id-operator/enable'))).json(), { isDisabled: false })
  await t.resolves(scene.login('operator'))
  const last = await admin.inject(post('/id-admin/disable'))
  t.equal(last.statusCode, 409)
  t.match(last.json().error.message, /last admin/)
})
