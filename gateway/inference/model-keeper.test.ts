import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Actor, type Alarm, isRefusal } from '../core/alarm.ts'
import { openStore } from '../storage/store.ts'
import { loadManifest } from './manifest.ts'
import { createModelKeeper, modelToStartWith } from './model-keeper.ts'
import { createModelRack } from './model-rack.ts'
import { createDetectorPool } from './pool.ts'
import { colourFrame, red } from './testing/frame.ts'

const shipped = new URL('testing/colour-grid', import.meta.url).pathname
const admin: Actor = { type: 'user', id: 'admin-1' }
const hourMs = 3600_000
const logger = { info() {}, warn() {}, error() {} } as never

async function siteWith(t: Test) {
  const dir = t.testdir()
  const models = join(dir, 'models')
  await mkdir(join(models, 'train'), { recursive: true })
  const document = JSON.parse(await readFile(join(shipped, 'model.json'), 'utf8'))
  for (const [folder, changes] of Object.entries({
    one: {},
    two: { name: 'two' },
    other: { labels: ['cat', 'dog'] },
  })) {
    await cp(shipped, join(models, folder), { recursive: true })
    await writeFile(join(models, folder, 'model.json'), JSON.stringify({ ...document, ...changes }))
  }
  await cp(join(models, 'one'), join(models, 'damaged'), { recursive: true })
  await writeFile(join(models, 'damaged', 'colour-grid.onnx'), 'not a model')
  const clock = { at: Date.UTC(2026, 10, 1) }
  const now = () => clock.at
  const store = openStore({ file: join(dir, 'gridgate.db'), now })
  const rack = await createModelRack({
    ...{ folder: 'one', manifest: await loadManifest(join(models, 'one')), now, random: () => 0 },
    openPool: (manifest) => createDetectorPool({ manifest, workers: 1, logger }),
    onError: (error) => t.fail(String(error)),
  })
  const keeper = createModelKeeper({
    ...{ rack, dir: models, siteModel: 'one', neededLabels: ['red'], store: store.modelRows, journal: store, now },
    shadow: { model: 'two', share: 1 },
    rule: { factor: 3, minimumAlarms: 5, baselineMs: 168 * hourMs, watchMs: 48 * hourMs },
    onSwitched() {},
    onError: (error) => t.fail(String(error)),
  })
  t.teardown(async () => {
    await rack.close()
    store.close()
  })
  let alarms = 0
  const raise = (everyMs: number, count: number) => {
    for (let i = 0; i < count; i++) {
      clock.at += everyMs
      const id = `alarm-${++alarms}`
      const alarm = {
        ...{ id, scene: 's', kind: 'ebike_in_elevator', severity: 'high', certainty: 1, place: { site: id } },
        ...{ source: { type: 'camera', id: 'cam' }, raisedAt: clock.at, lastSeenAt: clock.at, count: 1 },
        ...{ isActive: false, isAcknowledged: false, why: [], evidence: [], warnings: [] },
      } as Alarm
      store.transact((transaction) => transaction.putAlarm(alarm, { type: 'raised', alarm }, admin, clock.at))
    }
  }
  const journal = () =>
    store.journal({ after: 0, limit: 1000, topics: ['event', 'audit'] }).map(({ transition }) => transition)
  return { store, rack, keeper, clock, raise, journal }
}

t.test('an admin hands over to another model; what cannot be used is refused with the reason', async (t) => {
  const { keeper, rack, store, journal } = await siteWith(t)
  const rows = (await keeper.service.status()).models
  t.same(
    rows.map(({ folder, state }) => `${folder} ${state}`),
    ['damaged unusable', 'one active', 'other ready', 'two ready'],
  )
  const problem = { field: 'sha256', message: /SHA-256/, phrase: { key: 'other-weights', file: /damaged/ } }
  t.match(rows[0], { problem: /SHA-256/, problems: [problem] })
  t.match(await keeper.service.switchTo('damaged', admin), { refused: /SHA-256/, details: [problem] })
  t.match(await keeper.service.switchTo('other', admin), { refused: /does not know red/ })
  t.match(await keeper.service.switchTo('missing', admin), { refused: /cannot be read/ })
  t.match(await keeper.service.switchTo('../one', admin), { refused: /no name of a model folder/ })
  t.match(await keeper.service.switchTo('one', admin), { refused: /in use already/ })
  const status = await keeper.service.switchTo('two', admin)
  t.notOk(isRefusal(status))
  t.equal(rack.model, 'two@1')
  t.equal(modelToStartWith(store.modelRows, 'one'), 'two', 'also after a restart')
  t.equal(modelToStartWith(store.modelRows, 'third'), 'third', 'until the site file names another')
  await keeper.service.rollBack(admin)
  t.equal(rack.model, 'colour-grid@1')
  t.same(journal(), ['model-switched', 'model-rolled-back'])
})

t.test('a model that floods the control room is taken back by itself, with its figures in the journal', async (t) => {
  const { keeper, rack, clock, raise, journal, store } = await siteWith(t)
  raise(12 * hourMs, 14)
  clock.at += 1000
  await keeper.service.switchTo('two', admin)
  raise(0.2 * hourMs, 4)
  keeper.tick()
  await keeper.idle()
  t.equal(rack.model, 'two@1', 'four alarms may be chance')
  raise(0.2 * hourMs, 1)
  clock.at += 61_000
  keeper.tick()
  await keeper.idle()
  t.equal(rack.model, 'colour-grid@1')
  t.same(journal(), ['model-switched', 'model-rolled-back'])
  t.match(store.modelRows.switches(1)[0], { by: 'gateway', data: { drift: 'flood', alarms: 5, baselineAlarms: 14 } })
  raise(0.1 * hourMs, 10)
  keeper.tick()
  await keeper.idle()
  t.equal(journal().length, 2, 'and stays')
})

t.test('a model that alarms as often as the one before stays', async (t) => {
  const { keeper, rack, raise } = await siteWith(t)
  raise(12 * hourMs, 14)
  await keeper.service.switchTo('two', admin)
  raise(9 * hourMs, 5)
  keeper.tick()
  await keeper.idle()
  t.equal(rack.model, 'two@1')
})

t.test(
  'the candidate of the site file looks beside the model in use, and the comparison is written down',
  async (t) => {
    const { keeper, rack, store, journal } = await siteWith(t)
    await keeper.start()
    t.same(journal(), ['model-shadow'])
    await rack.detect(colourFrame('lift-1', red), { priority: 0 })
    for (let i = 0; i < 1000 && rack.comparer()!.report().frames === 0; i++) await sleep(10)
    const status = await keeper.service.status()
    t.match(status.comparisons, [
      { active: 'colour-grid@1', candidate: 'two@1', frames: 1, labels: { red: { both: 16 } } },
    ])
    t.equal(status.models.find(({ folder }) => folder === 'two')?.state, 'shadow')
    t.equal(store.modelRows.comparisons(5).length, 1)
  },
)
