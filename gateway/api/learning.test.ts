import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Value } from 'typebox/value'
import type { Actor, Refusal } from '../core/alarm.ts'
import type { LearningStatus as CoreStatus, LearningExample, LearningService } from '../core/learning.ts'
import type { ModelStatus as CoreModels, ModelService } from '../core/model.ts'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { LearningExampleList, LearningStatus, ModelStatus } from './schemas/index.ts'
import { apiStarter } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })
const at = Date.UTC(2026, 10, 22)
const box = { x: 0, y: 0, width: 0.5, height: 0.5 }
const example = {
  ...{ id: 'example-1', alarmId: 'alarm-1', camera: 'camera-1', lift: 'l1', label: 'e-bike', model: 'lift@1' },
  ...{ score: 0.6, box, cropBox: box, others: [], seenAt: at, createdAt: at, file: 'x', sha256: '' },
  ...{ embedding: new Float32Array(3), verdict: { value: 'false-alarm', reason: 'stroller', by: 'id-operator', at } },
} as LearningExample

const status: CoreStatus = {
  ...{ mode: 'auto', label: 'e-bike', model: 'lift@1', canLearn: true },
  active: { version: 2, since: at, by: 'gateway' },
  examples: { confirmed: 6, falseAlarms: 5, unjudged: 1, takenBack: 0 },
  versions: [
    {
      ...{ version: 2, model: 'lift@1', createdAt: at },
      report: {
        ...{ at, confirmed: 6, falseAlarms: 5, isBetter: true, why: [{ key: 'learned-loses', lost: 1 }] },
        heldBack: [{ split: 'one-out', confirmed: 6, confirmedLost: 0, falseAlarms: 5, falseRemoved: 3 }],
      },
    },
  ],
  switches: [{ at, version: 2, by: 'gateway', reason: 'better' }],
  counts: { judged: 10, vetoed: 3, protected: 1 },
}

/** Notes who asked for what. */
function fakeLearning(crop?: string): LearningService & { asked: string[] } {
  const asked: string[] = []
  const note = (what: string, by: Actor): CoreStatus => {
    asked.push(`${what} by ${by.id}`)
    return status
  }
  return {
    asked,
    status: () => status,
    examples: () => [example],
    cropPath: (id) => (id === example.id ? crop : undefined),
    removeExample: async (id, by): Promise<Refusal | undefined> =>
      id === example.id ? void note('remove', by) : { refused: 'none' },
    judge: (id, { value }, by) =>
      id === example.id ? { refused: 'it belongs to an alarm and is judged there' } : note(`${id} ${value}`, by),
    evaluate: async (by) => note('evaluate', by),
    switchOn: (version, by) => (version === 9 ? { refused: 'version 9 did not pass' } : note(`on ${version}`, by)),
    switchOff: (by) => note('off', by),
    rollBack: (by) => note('back', by),
  }
}

const post = (path: string, payload?: object) =>
  ({ method: 'POST', url: `/api/v1/${path}`, ...(payload ? { payload } : {}) }) as const

t.test('the control room sees what was learned; only an admin turns the switch, under the own name', async (t) => {
  const learning = fakeLearning()
  const scene = await start(t, { learning })
  const operator = await scene.login('operator')
  const seen = (await operator.inject({ url: '/api/v1/learning' })).json()
  t.ok(Value.Check(LearningStatus, seen))
  t.match(seen, { active: { version: 2, since: new Date(at).toISOString() } })
  for (const path of ['evaluate', 'switch-on', 'switch-off', 'roll-back'])
    t.equal((await operator.inject(post(`learning/${path}`))).statusCode, 403, path)
  const admin = await scene.login('admin')
  for (const path of ['evaluate', 'switch-on', 'switch-off', 'roll-back'])
    t.equal((await admin.inject(post(`learning/${path}`))).statusCode, 200, path)
  t.equal((await admin.inject(post('learning/switch-on', { version: 2 }))).statusCode, 200)
  t.same(
    learning.asked,
    ['evaluate', 'on undefined', 'off', 'back', 'on 2'].map((what) => `${what} by id-admin`),
  )
  const refused = await admin.inject(post('learning/switch-on', { version: 9 }))
  t.equal(refused.statusCode, 409)
  t.match(refused.json().error.message, 'version 9 did not pass')
  t.equal((await admin.inject(post('learning/switch-on', { version: 0 }))).statusCode, 400)
})

t.test('crops are shown to admins only, each look and each deletion under a name', async (t) => {
  let learning = fakeLearning()
  const scene = await start(t, (dir) => {
    writeFileSync(join(dir, 'crop.jpg'), 'jpeg')
    learning = fakeLearning(join(dir, 'crop.jpg'))
    return { learning }
  })
  const operator = await scene.login('operator')
  t.equal((await operator.inject({ url: '/api/v1/learning/examples' })).statusCode, 403)
  const admin = await scene.login('admin')
  const list = (await admin.inject({ url: '/api/v1/learning/examples' })).json()
  t.ok(Value.Check(LearningExampleList, list))
  t.notMatch(list.items[0], { embedding: /./ }, 'numbers stay on the gateway')
  const crop = await admin.inject({ url: '/api/v1/learning/examples/example-1/crop' })
  t.match(crop, { statusCode: 200, body: 'jpeg' })
  const looks = scene.store.journal({ after: 0, limit: 100, topics: ['audit'] })
  t.ok(looks.some(({ transition, actor }) => transition === 'learning-example-viewed' && actor.id === 'id-admin'))
  const remove = (id: string) => admin.inject({ method: 'DELETE', url: `/api/v1/learning/examples/${id}` })
  t.equal((await remove('example-1')).statusCode, 204)
  t.equal((await remove('example-2')).statusCode, 404)
  const verdict = (id: string, value: string) => post(`learning/examples/${id}/verdict`, { value })
  t.equal((await operator.inject(verdict('example-3', 'confirmed'))).statusCode, 403)
  t.equal((await admin.inject(verdict('example-3', 'confirmed'))).statusCode, 200)
  t.equal((await admin.inject(verdict('example-3', 'perhaps'))).statusCode, 400)
  t.equal((await admin.inject(verdict('example-1', 'confirmed'))).statusCode, 409, 'judged on its alarm')
  t.same(learning.asked, ['remove by id-admin', 'example-3 confirmed by id-admin'])
})

t.test('where learning is off there is nothing to see', async (t) => {
  const scene = await start(t)
  const admin = await scene.login('admin')
  t.equal((await admin.inject({ url: '/api/v1/learning' })).statusCode, 404)
})

t.test('models are listed for the control room and switched by admins', async (t) => {
  const known: CoreModels = {
    models: [
      { folder: 'one', model: 'one@1', signature: 'none', licence: 'Apache-2.0', state: 'active' },
      { folder: 'bad', state: 'unusable', problem: 'weights changed' },
    ],
    watchedUntil: at,
    comparisons: [
      {
        ...{
          active: 'one@1',
          candidate: 'two@1',
          since: at,
          at,
          frames: 3,
          passedOver: 1,
          activeMs: 20,
          candidateMs: 30,
        },
        labels: { 'e-bike': { both: 1, onlyActive: 2, onlyCandidate: 0 } },
      },
    ],
    switches: [{ at, from: 'zero', to: 'one', siteModel: 'zero', by: 'id-admin', reason: 'person', data: {} }],
  }
  const models: ModelService = {
    status: async () => known,
    switchTo: async (folder) => (folder === 'bad' ? { refused: 'weights changed' } : known),
    rollBack: async () => ({ refused: 'there was no other model before this one' }),
  }
  const scene = await start(t, { models })
  const operator = await scene.login('operator')
  t.ok(Value.Check(ModelStatus, (await operator.inject({ url: '/api/v1/models' })).json()))
  t.equal((await operator.inject(post('models/switch', { model: 'two' }))).statusCode, 403)
  const admin = await scene.login('admin')
  t.equal((await admin.inject(post('models/switch', { model: 'two' }))).statusCode, 200)
  t.equal((await admin.inject(post('models/switch', { model: 'bad' }))).statusCode, 409)
  t.equal((await admin.inject(post('models/switch', { model: '../etc' }))).statusCode, 400)
  t.match((await admin.inject(post('models/roll-back'))).json().error.message, /no other model/)
})
