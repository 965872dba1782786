import t from 'tap'
import { type Alarm, applyAlarm, isRefusal } from './alarm.ts'
import { addNotices, beginResponse, type Notice, respond, responseTimes, takeDue, upcomingStep } from './escalation.ts'
import { elderChain } from './person.ts'

const start = 1_000_000
const second = 1000
const begun = () => beginResponse(elderChain, 'critical', start)!
const stepsOf = (due: ReturnType<typeof takeDue>['due']) => due.map(({ index }) => index)

const notice = (id: string, more: Partial<Notice> = {}): Notice => ({
  ...{ id, at: start, round: 0, step: 0, person: 'a', notifier: 'sms', state: 'waiting', ...more },
})

const alarm = (more: Partial<Alarm> = {}): Alarm => ({
  id: 'alarm-1',
  scene: 's',
  kind: 'elder_sos',
  severity: 'critical',
  certainty: 1,
  place: { site: 's' },
  source: { type: 'device', id: 'button' },
  person: 'elder-301',
  raisedAt: start,
  lastSeenAt: start,
  count: 1,
  isActive: true,
  isAcknowledged: false,
  why: [],
  evidence: [],
  warnings: [],
  response: begun(),
  told: [notice('n1')],
  ...more,
})
const apply = (current: Alarm, transition: Parameters<typeof applyAlarm>[1]): Alarm => {
  const next = applyAlarm(current, transition)
  if (isRefusal(next)) throw new Error(next.refused)
  return next
}

t.test('the chain of an elder: at once, 60 s, 180 s, 300 s, and again until somebody answers', async (t) => {
  let response = begun()
  const at: Array<[number, number[]]> = []
  for (let time = start; time <= start + 700 * second; time += second) {
    const taken = takeDue(elderChain, response, 'critical', time)
    response = taken.response
    if (taken.due.length > 0) at.push([(time - start) / second, stepsOf(taken.due)])
  }
  t.same(at, [
    [0, [0]],
    [60, [1, 2]],
    [180, [3]],
    [300, [4]],
    [600, [0]],
    [660, [1, 2]],
  ])
  t.same(
    response.tasks.map(({ task }) => task),
    ['call-and-send-guard', 'call-120'],
  )
})

t.test('who is told next can be said beforehand, as long as nobody has answered', async (t) => {
  const { response } = takeDue(elderChain, begun(), 'critical', start + 60 * second)
  t.match(upcomingStep(elderChain, response, 'critical'), {
    at: start + 180 * second,
    index: 3,
    step: { task: 'call-and-send-guard' },
  })
  const answered = respond(response, { type: 'answered', at: start + 61 * second, by: 'a', via: 'page' })
  if (isRefusal(answered)) throw new Error(answered.refused)
  t.equal(upcomingStep(elderChain, answered, 'critical'), undefined)
})

t.test('what came due while the gateway was down runs at its start, once, and the rest keeps its time', async (t) => {
  const first = takeDue(elderChain, begun(), 'critical', start).response
  const late = takeDue(elderChain, first, 'critical', start + 200 * second)
  t.same(stepsOf(late.due), [1, 2, 3])
  t.equal(late.response.nextAt, start + 300 * second)
  const days = takeDue(elderChain, first, 'critical', start + 86_400 * second)
  t.same(stepsOf(days.due), [1, 2, 3, 4], 'one round, not three hundred')
  t.equal(days.response.nextAt, start + 86_700 * second)
})

t.test('what is of medium severity is told to fewer people; what is low to nobody', async (t) => {
  const medium = beginResponse(elderChain, 'medium', start)!
  t.same(stepsOf(takeDue(elderChain, medium, 'medium', start + 299 * second).due), [0])
  t.equal(beginResponse(elderChain, 'low', start), undefined)
})

t.test('an answer ends the calling for ever; arriving and settling are times of their own', async (t) => {
  const answered = respond(begun(), { type: 'answered', at: start + 1, by: 'b', via: 'link' })
  if (isRefusal(answered)) throw new Error(answered.refused)
  t.equal(answered.nextAt, undefined)
  t.same(takeDue(elderChain, answered, 'critical', start + 1e9).due, [])
  t.match(respond(answered, { type: 'answered', at: start + 2, by: 'b', via: 'link' }), { refused: /answered already/ })
  const resolved = respond(answered, { type: 'resolved', at: start + 9, by: 'b', via: 'link' })
  if (isRefusal(resolved)) throw new Error(resolved.refused)
  t.match(responseTimes(resolved), { answered: { at: start + 1 }, resolved: { at: start + 9 } })
  t.notOk(responseTimes(resolved).arrived, 'nobody has said so')
  t.match(respond(resolved, { type: 'arrived', at: start + 10, by: 'c', via: 'link' }), { refused: /resolved/ })
})

t.test('a message that was accepted, and a page that was opened, end nothing', async (t) => {
  const accepted = apply(alarm(), { type: 'receipts', at: start, receipts: [{ id: 'n1', state: 'accepted' }] })
  const seen = apply(accepted, { type: 'seen', at: start + 5, by: 'a' })
  t.match(seen, { response: { state: 'calling', nextAt: start }, told: [{ state: 'accepted', seenAt: start + 5 }] })
})

t.test('acknowledging at the console is an answer; a false alarm is settled', async (t) => {
  const acknowledged = apply(alarm(), { type: 'acknowledged', at: start + 3, by: 'guard' })
  t.match(acknowledged.response, { state: 'answered', answers: [{ by: 'guard', via: 'console' }] })
  const verdict = { type: 'verdict', at: start + 4, value: 'false-alarm', reason: 'a test', by: 'guard' } as const
  t.match(apply(alarm(), verdict).response, { state: 'resolved' })
  t.match(apply(alarm(), { ...verdict, value: 'confirmed' }).response, { state: 'answered' })
  t.equal(apply(alarm(), { type: 'cleared', at: start + 5 }).response?.state, 'calling', 'clearing answers nothing')
})

t.test('who settles an alarm has acknowledged it; who only goes or arrives has not', async (t) => {
  const answer = { by: 'caregiver-a', via: 'page' } as const
  const gone = apply(alarm(), { type: 'answered', at: start + 1, ...answer })
  const there = apply(gone, { type: 'arrived', at: start + 2, ...answer })
  t.notOk(there.isAcknowledged, 'the control room goes on hearing of what is not over')
  const settled = apply(there, { type: 'resolved', at: start + 3, ...answer })
  t.match(settled, { isAcknowledged: true, acknowledgedBy: 'caregiver-a', acknowledgedAt: start + 3, isActive: true })
  const seen = apply(there, { type: 'acknowledged', at: start + 2, by: 'guard' })
  const after = apply(seen, { type: 'resolved', at: start + 3, ...answer })
  t.match(after, { acknowledgedBy: 'guard', acknowledgedAt: start + 2 }, 'who saw it first stays on record')
  t.match(applyAlarm(settled, { type: 'acknowledged', at: start + 4, by: 'guard' }), { refused: /caregiver-a/ })
})

t.test('when nobody could be reached the next is told at once, up to the control room', async (t) => {
  const { response } = takeDue(elderChain, begun(), 'critical', start)
  const failed = { type: 'receipts', at: start + 5, receipts: [{ id: 'n1', state: 'failed' }] } as const
  t.equal(apply(alarm({ response }), failed).response?.nextAt, start + 5)
  const half = alarm({ response, told: [notice('n1'), notice('n2', { state: 'accepted' })] })
  t.equal(apply(half, failed).response?.nextAt, start + 60 * second, 'one of two got through')
  const asked = { ...response, tasks: [{ task: 'call-and-send-guard', at: start + 1 }] as const }
  t.equal(apply(alarm({ response: asked }), failed).response?.nextAt, start + 60 * second)
})

t.test('an alarm nobody was asked about cannot be answered, and is otherwise as before', async (t) => {
  const { response: _, told: __, ...plain } = alarm()
  t.match(applyAlarm(plain, { type: 'answered', at: start, by: 'a', via: 'link' }), { refused: /nobody was asked/ })
  t.notOk(apply(plain, { type: 'acknowledged', at: start, by: 'g' }).response)
})

t.test('the record of notices is bounded, and keeps what is under way', async (t) => {
  const many = Array.from({ length: 60 }, (_, n) => notice(`n${n}`, { state: n === 0 ? 'waiting' : 'accepted' }))
  const kept = addNotices(many.slice(0, 30), many.slice(30))
  t.equal(kept.length, 40)
  t.equal(kept[0]?.id, 'n0')
  t.equal(kept.at(-1)?.id, 'n59')
})
