import t from 'tap'
import { Value } from 'typebox/value'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { CameraList } from './schemas/index.ts'
import { apiStarter, eventually } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })

t.test('cameras are listed with state, names and lift', async (t) => {
  const scene = await start(t)
  const operator = await scene.login('operator')
  const list = (await operator.inject({ url: '/api/v1/cameras' })).json()
  t.ok(Value.Check(CameraList, list))
  t.match(list.items, [
    { id: 'camera-1', state: 'up', name: { zh: '一号' }, lift: 'l1' },
    { id: 'camera-2', name: { zh: 'camera-2', en: 'camera-2' } },
  ])
})

t.test('the newest picture is a JPEG, and none yet is said so', async (t) => {
  const scene = await start(t)
  const operator = await scene.login('operator')
  const url = '/api/v1/cameras/camera-1/snapshot'
  t.match((await operator.inject({ url })).json(), { error: { code: 'unavailable', message: /no picture yet/ } })
  scene.cameras[0]!.picture = Uint8Array.of(0xff, 0xd8, 1)
  const answer = await operator.inject({ url: `${url}?maxWidth=320` })
  t.equal(answer.headers['content-type'], 'image/jpeg')
  t.equal(answer.headers['cache-control'], 'no-store')
  t.strictSame(answer.rawPayload, Buffer.of(0xff, 0xd8, 1))
  t.equal((await operator.inject({ url: '/api/v1/cameras/none/snapshot' })).statusCode, 404)
})

t.test('the live picture starts with its viewer, ends with it, and who looked is recorded', async (t) => {
  const scene = await start(t)
  const operator = await scene.login('operator')
  const camera = scene.cameras[0]!
  const client = await scene.connect('/api/v1/cameras/camera-1/live', { cookie: operator.cookie })
  await eventually(() => camera.viewers.size === 1, 'the viewer')
  const [viewer] = camera.viewers
  viewer?.send(Uint8Array.of(0x47, 1, 2))
  await client.until((messages) => messages.length === 1, 'a chunk')
  t.strictSame(client.messages[0]?.binary, Buffer.of(0x47, 1, 2))
  t.equal(viewer?.bufferedBytes, 0)
  client.socket.close()
  await client.closed
  await eventually(() => camera.viewers.size === 0, 'its leaving')
  t.match(scene.store.journal({ after: 0, limit: 10 }).at(-1), {
    transition: 'live-viewed',
    actor: { id: 'id-operator' },
    data: { camera: 'camera-1' },
  })
})

t.test('a camera that ends its picture tells the viewer, and logging out ends it too', async (t) => {
  const scene = await start(t)
  const operator = await scene.login('operator')
  const camera = scene.cameras[0]!
  const client = await scene.connect('/api/v1/cameras/camera-1/live', { cookie: operator.cookie })
  await eventually(() => camera.viewers.size === 1, 'the viewer')
  ;[...camera.viewers][0]?.close('摄像机离线，正在重新连接。'.repeat(10))
  t.equal(await client.closed, 1012)

  const another = await scene.connect('/api/v1/cameras/camera-1/live', { cookie: operator.cookie })
  await operator.inject({ method: 'DELETE', url: '/api/v1/session' })
  t.equal(await another.closed, 4401)
  await eventually(() => camera.viewers.size === 0, 'its leaving')
})

t.test('an unknown camera is refused before the upgrade', async (t) => {
  const scene = await start(t)
  const operator = await scene.login('operator')
  await t.rejects(scene.connect('/api/v1/cameras/none/live', { cookie: operator.cookie }), { message: /404/ })
})

t.test(
  'a camera that looks at windows shows them in coarse squares; an admin may see them clear, under a name',
  async (t) => {
    const facades = {
      calibration: (camera: string) => (camera === 'camera-1' ? { camera, source: 'none' as const } : undefined),
      calibrate: () => ({ refused: 'not here' }),
    }
    const scene = await start(t, { facades })
    const camera = scene.cameras[0]!
    camera.picture = Uint8Array.of(0xff, 0xd8, 1)
    const [operator, admin] = [await scene.login('operator'), await scene.login('admin')]
    const url = '/api/v1/cameras/camera-1/snapshot'
    t.equal((await operator.inject({ url })).statusCode, 200)
    t.match(camera.asked.at(-1), { isMasked: true })
    t.equal((await operator.inject({ url: `${url}?unmasked=true` })).statusCode, 403)
    t.equal((await admin.inject({ url: `${url}?unmasked=true` })).statusCode, 200)
    t.notOk(camera.asked.at(-1)?.isMasked)

    const live = '/api/v1/cameras/camera-1/live'
    await t.rejects(scene.connect(`${live}?unmasked=true`, { cookie: operator.cookie }), { message: /403/ })
    await scene.connect(live, { cookie: operator.cookie })
    await eventually(() => camera.viewers.size === 1, 'the operator')
    t.match(camera.asked.at(-1), { isMasked: true })
    await scene.connect(`${live}?unmasked=true`, { cookie: admin.cookie })
    await eventually(() => camera.viewers.size === 2, 'the admin')
    t.notOk(camera.asked.at(-1)?.isMasked)
    const looks = scene.store
      .journal({ after: 0, limit: 50, topics: ['audit'] })
      .map(({ transition, actor }) => [transition, actor.id])
    for (const look of [
      ['picture-unmasked', 'id-admin'],
      ['live-viewed', 'id-operator'],
      ['live-unmasked', 'id-admin'],
    ])
      t.ok(
        looks.some((each) => each.join() === look.join()),
        look.join(' by '),
      )

    scene.cameras[1]!.picture = camera.picture
    await operator.inject({ url: '/api/v1/cameras/camera-2/snapshot' })
    t.notOk(scene.cameras[1]!.asked.at(-1)?.isMasked, 'other cameras are not masked')
  },
)
