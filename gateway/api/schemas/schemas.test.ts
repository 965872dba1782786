import t from 'tap'
import { Value } from 'typebox/value'
import type { Alarm as CoreAlarm } from '../../core/alarm.ts'
import type { Case as CoreCase } from '../../core/case.ts'
import type { JournalEntry as CoreJournalEntry } from '../../core/journal.ts'
import { Alarm, alarmToWire, Case, caseToWire, entryToWire, fromInstant, JournalEntry, toInstant } from './index.ts'

const at = Date.UTC(2026, 10, 22, 2, 39)

const alarm: CoreAlarm = {
  id: 'a1',
  scene: 'ebike-in-elevator',
  kind: 'ebike_in_elevator',
  severity: 'high',
  certainty: 0.93,
  place: { site: 's1', building: 'b1', lift: 'l1' },
  source: { type: 'camera', id: 'c1' },
  raisedAt: at,
  lastSeenAt: at + 1000,
  count: 2,
  isActive: false,
  clearedAt: at + 9000,
  isAcknowledged: true,
  acknowledgedAt: at + 5000,
  acknowledgedBy: 'u1',
  shelved: { until: at + 60_000, by: 'u1', reason: 'works' },
  verdict: { value: 'confirmed', by: 'u1', at: at + 6000 },
  why: [{ key: 'seen', samples: 4 }],
  evidence: [
    {
      id: 'e1',
      type: 'clip',
      camera: 'c1',
      fromAt: at - 5000,
      toAt: at + 10_000,
      contentType: 'video/mp4',
      file: 'a1/e1.mp4',
      bytes: 10,
      sha256: 'ab',
      createdAt: at + 12_000,
    },
  ],
  warnings: [
    {
      at: at + 300,
      speaker: 'sp1',
      clip: 'leave',
      nth: 1,
      result: 'sent',
      phrases: [{ key: 'unconfirmed' }],
      isDelivered: true,
    },
  ],
}

const caseNow: CoreCase = {
  id: 'c1',
  number: '2026-000001',
  type: 'ebike_in_elevator',
  title: 't',
  severity: 'high',
  place: { site: 's1' },
  alarmIds: ['a1'],
  state: 'filed',
  level: 'P',
  openedAt: at,
  respondBy: at + 3600_000,
  returnedCount: 0,
  reworkCount: 0,
  history: [{ to: 'filed', at, actor: { type: 'system', id: 'gateway' }, role: 'issuer', attachments: ['e1'] }],
}

/** Every number in the value that could be an instant of that day. */
const epochsIn = (value: unknown): number[] => {
  if (typeof value === 'number') return Math.abs(value - at) < 86_400_000 ? [value] : []
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(epochsIn) : []
}

const entry = (more: Partial<CoreJournalEntry>): CoreJournalEntry => ({
  seq: 7,
  at,
  topic: 'event',
  subject: 'x',
  transition: 'y',
  actor: { type: 'system', id: 'gateway' },
  data: {},
  previousHash: '',
  hash: '00',
  ...more,
})

t.test('an alarm on the wire fits its schema, says its state and has no epoch left in it', async (t) => {
  const wire = alarmToWire(alarm)
  t.ok(Value.Check(Alarm, wire), JSON.stringify(Value.Errors(Alarm, wire)))
  t.equal(wire.state, 'normal')
  t.same(wire.warnings[0]?.phrases, [{ key: 'unconfirmed' }], 'what the speaker said, for translation')
  t.equal(wire.evidence[0]?.fromAt, '2026-11-22T02:38:55.000Z')
  t.same(epochsIn(wire), [])
})

t.test('a case on the wire fits its schema and says who may do what next', async (t) => {
  const wire = caseToWire(caseNow)
  t.ok(Value.Check(Case, wire), JSON.stringify(Value.Errors(Case, wire)))
  t.same(wire.nextStates, { issuer: ['dispatched'], unit: [] })
  t.ok(wire.isOpen)
  t.same(epochsIn(wire), [])
})

t.test('journal rows carry alarm and case in their wire form', async (t) => {
  for (const row of [
    entry({ topic: 'alarm', data: { alarm, transition: { type: 'raised', alarm } } }),
    entry({ topic: 'alarm', data: { alarm, transition: { type: 'shelved', at, until: at, by: 'u', reason: 'r' } } }),
    entry({ topic: 'alarm', data: { alarm, transition: { type: 'evidence-added', at, evidence: alarm.evidence[0] } } }),
    entry({ topic: 'case', data: { case: caseNow, transition: { type: 'opened', at } } }),
    entry({ topic: 'case', data: { case: caseNow, transition: caseNow.history[0] } }),
  ]) {
    const wire = entryToWire(row)
    t.ok(Value.Check(JournalEntry, wire), JSON.stringify(Value.Errors(JournalEntry, wire)))
    t.same(epochsIn(wire), [], row.topic)
  }
  t.same(entryToWire(entry({ data: { free: 1 } })).data, { free: 1 }, 'an event keeps what was recorded')
})

t.test('instants go there and back, and an impossible one harms nobody', async (t) => {
  t.equal(fromInstant(toInstant(at)), at)
  t.equal(fromInstant('2026-11-22T10:39:00+08:00'), at)
  t.equal(toInstant(Number.MAX_SAFE_INTEGER), String(Number.MAX_SAFE_INTEGER))
})
