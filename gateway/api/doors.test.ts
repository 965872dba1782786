import t from 'tap'
import { Value } from 'typebox/value'
import type { Actor } from '../core/alarm.ts'
import type { DoorHoldStatus, DoorService } from '../core/ports.ts'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { DoorHoldList } from './schemas/index.ts'
import { apiStarter } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })
const release = (lift: string) => ({ method: 'POST', url: `/api/v1/lifts/${lift}/door-hold/release` }) as const

/** One lift whose door is held until somebody lets it go. */
function heldDoor(): DoorService & { releasedBy: Actor[] } {
  let status: DoorHoldStatus = { lift: 'l1', state: 'holding', leftMs: 42_000 }
  const releasedBy: Actor[] = []
  return {
    releasedBy,
    list: () => [status],
    release(_lift, by) {
      if (status.state !== 'holding') return { refused: 'the door of l1 is not being held' }
      releasedBy.push(by)
      status = { lift: 'l1', state: 'blocked', reason: 'a person let it go' }
      return status
    },
  }
}

t.test('an operator sees which door is held, for how long, and lets it go under the own name', async (t) => {
  const doors = heldDoor()
  const scene = await start(t, { doors })
  const operator = await scene.login('operator')
  const list = async () => (await operator.inject({ url: '/api/v1/door-holds' })).json()
  t.ok(Value.Check(DoorHoldList, await list()))
  t.same((await list()).items, [{ lift: 'l1', state: 'holding', leftMs: 42_000 }])
  const answer = await operator.inject(release('l1'))
  t.equal(answer.statusCode, 200)
  t.match(answer.json(), { lift: 'l1', state: 'blocked' })
  t.same(doors.releasedBy, [{ type: 'user', id: 'id-operator' }])
  const again = await operator.inject(release('l1'))
  t.equal(again.statusCode, 409)
  t.match(again.json().error, { code: 'refused', message: 'the door of l1 is not being held' })
})

t.test('a lift without a door hold is told apart from a door that is not held', async (t) => {
  const scene = await start(t, { doors: heldDoor() })
  const admin = await scene.login('admin')
  const answer = await admin.inject(release('l2'))
  t.equal(answer.statusCode, 404)
  t.match(answer.json().error.message, 'there is no door hold for lift l2')
})

t.test('a caregiver and the bridge leave doors alone', async (t) => {
  const doors = heldDoor()
  const scene = await start(t, { doors })
  const caregiver = await scene.login('caregiver')
  t.equal((await caregiver.inject(release('l1'))).statusCode, 403)
  t.equal((await scene.bridge(release('l1'))).statusCode, 403)
  t.equal((await caregiver.inject({ url: '/api/v1/door-holds' })).statusCode, 403)
  t.same(doors.releasedBy, [])
})
