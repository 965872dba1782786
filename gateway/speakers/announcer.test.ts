import t, { type Test } from 'tap'
import type { Clock } from '../core/clock.ts'
import { DeliveryError } from '../core/errors.ts'
import type { Announcement, PlayReport, Speaker } from '../core/ports.ts'
import { until } from '../testing/until.ts'
import { createAnnouncer } from './announcer.ts'

/** A speaker whose sounds end when the test says so. */
function createFakeSpeaker(id = 'lift-1') {
  const plays: Array<{ clip: string; language: string; end(): void; fail(error: Error): void }> = []
  let ignoresAbort = false
  const speaker: Speaker = {
    id,
    play: ({ id: clip, language }, signal) =>
      new Promise((resolve, reject) => {
        const report = (deviceReply: string, bytesSent: number): PlayReport => {
          return { isAccepted: bytesSent > 0, bytesSent, startedAt: 0, endedAt: 0, deviceReply }
        }
        signal.addEventListener('abort', () => ignoresAbort || resolve(report('stopped after 1 s', 8000)))
        plays.push({ clip, language, end: () => resolve(report('played', 16_000)), fail: reject })
      }),
  }
  return {
    speaker,
    plays,
    ignoreAbort() {
      ignoresAbort = true
    },
  }
}

function setUp(t: Test, speakers: Speaker[]) {
  let at = 1000
  const logs: string[] = []
  const sleeps: Array<{ ms: number; wake(): void }> = []
  const clock: Clock = {
    now: () => at,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason))
        const wake = () => {
          at += ms
          resolve()
        }
        sleeps.push({ ms, wake })
      }),
  }
  const log = (level: string) => (_fields: unknown, message?: string) => void logs.push(`${level}: ${message}`)
  const logger = { warn: log('warn'), info: log('info') } as never
  const announcer = createAnnouncer({ speakers, clock, logger, random: () => 0.5 })
  t.teardown(() => announcer.close())
  const advance = (ms: number) => {
    at += ms
  }
  return { announcer, sleeps, logs, advance }
}

const say = (clip: string, more: Partial<Announcement> = {}): Announcement => ({
  ...{ speaker: 'lift-1', clip, language: 'zh-CN', priority: 5, expiresAt: 60_000, reference: 'alarm-1' },
  ...more,
})

t.test('an idle speaker is told before announce returns', async (t) => {
  const { speaker, plays } = createFakeSpeaker()
  const { announcer } = setUp(t, [speaker])
  const report = announcer.announce(say('ebike-warning-1'))
  t.match(plays, [{ clip: 'ebike-warning-1', language: 'zh-CN' }])
  plays[0]!.end()
  t.match(await report, { isAccepted: true, deviceReply: 'played' })
})

t.test('equals wait their turn, the more urgent before the less urgent', async (t) => {
  const { speaker, plays } = createFakeSpeaker()
  const { announcer } = setUp(t, [speaker])
  const all = [say('a'), say('b'), say('low', { priority: 1 }), say('c')].map((one) => announcer.announce(one))
  t.equal(announcer.waiting(), 3)
  for (let i = 0; i < 4; i++) {
    await until('the next one plays', () => plays[i])
    plays[i]!.end()
  }
  await Promise.all(all)
  t.same(
    plays.map(({ clip }) => clip),
    ['a', 'b', 'c', 'low'],
  )
})

t.test('two speakers do not wait for each other', async (t) => {
  const [one, two] = [createFakeSpeaker('lift-1'), createFakeSpeaker('lift-2')]
  const { announcer } = setUp(t, [one.speaker, two.speaker])
  void announcer.announce(say('a'))
  void announcer.announce(say('b', { speaker: 'lift-2' }))
  t.equal(one.plays.length + two.plays.length, 2)
})

t.test('a fire warning cuts an e-bike warning short, and the report says so', async (t) => {
  const { speaker, plays } = createFakeSpeaker()
  const { announcer } = setUp(t, [speaker])
  const cut = announcer.announce(say('ebike-warning-1'))
  const fire = announcer.announce(say('fire', { priority: 9 }))
  t.match(await cut, { isAccepted: true, deviceReply: /stopped after 1 s \(a more urgent announcement came first\)/ })
  await until('the fire warning plays', () => plays[1])
  t.equal(plays[1]!.clip, 'fire')
  plays[1]!.end()
  t.equal((await fire).deviceReply, 'played')
  t.match(announcer.counts(), { played: 1, interrupted: 1 })
})

t.test('what has expired before its turn is not spoken, and told', async (t) => {
  const { speaker, plays } = createFakeSpeaker()
  const { announcer, advance } = setUp(t, [speaker])
  void announcer.announce(say('a'))
  const late = announcer.announce(say('b', { expiresAt: 2000 }))
  advance(1000)
  plays[0]!.end()
  t.match(await late, {
    isAccepted: false,
    bytesSent: 0,
    deviceReply: /not played: it had expired/,
    phrases: [{ key: 'not-played-expired' }],
  })
  t.match(await announcer.announce(say('c', { expiresAt: 1 })), { isAccepted: false })
  t.equal(plays.length, 1)
  t.equal(announcer.counts().expired, 2)
})

t.test('the queue is bounded: the least urgent of too many is dropped and told', async (t) => {
  const { speaker } = createFakeSpeaker()
  const { announcer, advance } = setUp(t, [speaker])
  void announcer.announce(say('playing'))
  const waiting = Array.from({ length: 8 }, (_, i) =>
    announcer.announce(say(`w${i}`, { priority: 2, expiresAt: 5000 })),
  )
  const tooMany = announcer.announce(say('one more', { priority: 2 }))
  t.match(await tooMany, { isAccepted: false, deviceReply: /more than 8 announcements were waiting/ })
  void announcer.announce(say('urgent', { priority: 4 }))
  t.match(await waiting[7]!, { isAccepted: false })
  t.equal(announcer.waiting(), 8)
  advance(5000)
  void announcer.announce(say('later', { priority: 2 }))
  t.match(await waiting[0]!, { deviceReply: /expired/ }, 'what is too old goes first')
  t.match(announcer.counts(), { overflowed: 2, expired: 7 })
})

t.test('stopping ends what plays and what waits for an alarm, and nothing else', async (t) => {
  const { speaker, plays } = createFakeSpeaker()
  const { announcer } = setUp(t, [speaker])
  const first = announcer.announce(say('a'))
  const second = announcer.announce(say('b'))
  const other = announcer.announce(say('c', { reference: 'alarm-2' }))
  announcer.stop('alarm-1')
  t.match(await first, { deviceReply: /stopped after 1 s \(stopped\)/ })
  t.match(await second, { deviceReply: 'not played: stopped', phrases: [{ key: 'not-played-stopped' }] })
  await until('the other alarm is heard', () => plays[1])
  plays[1]!.end()
  t.equal((await other).deviceReply, 'played')
  t.equal(announcer.counts().stopped, 2)
})

t.test('a failure is tried again with jitter until the announcement expires', async (t) => {
  const { speaker, plays } = createFakeSpeaker()
  const { announcer, sleeps, logs } = setUp(t, [speaker])
  const outage = new DeliveryError('no answer', { retryable: true, hint: 'check power' })
  const report = announcer.announce(say('a', { expiresAt: 3000 }))
  const failed = report.then(
    () => undefined,
    (error: unknown) => error,
  )
  for (let i = 0; i < 3; i++) {
    plays[i]!.fail(outage)
    const sleep = await until('it waits', () => sleeps[i])
    sleep.wake()
    await until('it tries again', () => plays[i + 1])
  }
  plays[3]!.fail(outage)
  t.equal(await failed, outage, 'the driver’s own error reaches the caller')
  t.same(
    sleeps.map(({ ms }) => ms),
    [250, 375, 625],
    'half way between 250 ms and a doubling ceiling',
  )

  const again = announcer.announce(say('b'))
  plays[4]!.end()
  await again
  t.same(logs, ['warn: speaker lost', 'info: speaker is back'])
})

t.test('what cannot be mended by trying again is told at once, and told once in the log', async (t) => {
  const { speaker, plays } = createFakeSpeaker()
  const { announcer, logs } = setUp(t, [speaker])
  for (const error of [new DeliveryError('no such clip', { retryable: false }), new TypeError('a fault')]) {
    const report = announcer.announce(say('a'))
    await until('it plays', () => plays.length > 0)
    plays.pop()!.fail(error)
    await t.rejects(report, { message: error.message })
  }
  t.same(logs, ['warn: speaker lost'])
  await t.rejects(announcer.announce(say('a', { speaker: 'nowhere' })), { message: 'there is no speaker nowhere' })
})

t.test('stopping also ends the waiting between two attempts', async (t) => {
  const { speaker, plays } = createFakeSpeaker()
  const { announcer, sleeps } = setUp(t, [speaker])
  const report = announcer.announce(say('a'))
  plays[0]!.fail(new DeliveryError('no answer', { retryable: true }))
  await until('it waits', () => sleeps[0])
  announcer.stop('alarm-1')
  t.match(await report, { isAccepted: false, deviceReply: 'not played: stopped' })
})

t.test('a driver that does not stop is given up, and the next announcement is heard', async (t) => {
  const fake = createFakeSpeaker()
  fake.ignoreAbort()
  const { announcer } = setUp(t, [fake.speaker])
  const stuck = announcer.announce(say('a'))
  const fire = announcer.announce(say('fire', { priority: 9 }))
  t.match(await stuck, { isAccepted: false })
  await until('the next one plays', () => fake.plays[1])
  fake.plays[1]!.end()
  t.equal((await fire).deviceReply, 'played')
})

t.test('after closing nothing is heard any more', async (t) => {
  const { speaker, plays } = createFakeSpeaker()
  const { announcer } = setUp(t, [speaker])
  const first = announcer.announce(say('a'))
  const second = announcer.announce(say('b'))
  await announcer.close()
  t.match((await first).deviceReply, /stopped/)
  t.match((await second).deviceReply, /not played/)
  await t.rejects(announcer.announce(say('c')), { message: 'the announcer has been closed' })
  t.equal(plays.length, 1)
})
