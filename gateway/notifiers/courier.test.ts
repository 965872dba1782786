import pino from 'pino'
import t from 'tap'
import { channelError } from '../core/channel-words.ts'
import { DeliveryError, RecipientError } from '../core/errors.ts'
import type { ChannelState, Errand, Notifier, PersonMessage } from '../core/ports.ts'
import { until } from '../testing/until.ts'
import { createCourier } from './courier.ts'
import { createRateWindow } from './rate-window.ts'
import { aMessage } from './testing.ts'

type Sent = { alarms: string[]; address: string | undefined; at: number }

/** A channel in this process; the courier is what is tested, the drivers have peers of their own. */
function createChannel(more: Partial<Notifier> & { fail?: () => Error | undefined; takesMs?: number } = {}) {
  const sent: Sent[] = []
  const { fail, takesMs = 0, ...rest } = more
  const notifier: Notifier = {
    id: 'bot',
    channel: 'wecom',
    limits: [],
    maxBytes: 2048,
    async send(messages, { address }) {
      sent.push({ alarms: messages.map(({ alarm }) => alarm), address, at: Date.now() })
      if (takesMs > 0) await new Promise((resolve) => setTimeout(resolve, takesMs))
      const error = fail?.()
      if (error) throw error
      return { acceptedAt: Date.now(), reply: 'ok' }
    },
    ...rest,
  }
  return { notifier, sent }
}

function start(t: { teardown(undo: () => unknown): void }, notifier: Notifier) {
  const states: ChannelState[] = []
  const courier = createCourier({
    notifiers: [notifier],
    logger: pino({ level: 'silent' }),
    now: Date.now,
    random: Math.random,
    onChannel: (state) => states.push(state),
    backoff: { minMs: 5, maxMs: 20 },
  })
  t.teardown(() => courier.close())
  const send = (alarm: string, message: Partial<PersonMessage> = {}, errand: Partial<Errand> = {}) =>
    courier.send({
      notifier: 'bot',
      to: { person: 'a', address: 'one' },
      message: aMessage({ alarm, ...message }),
      expiresAt: Date.now() + 60_000,
      ...errand,
    })
  return { courier, states, send }
}

t.test('a message on an idle channel leaves before the call returns', async (t) => {
  const { notifier, sent } = createChannel()
  const { send } = start(t, notifier)
  const outcome = send('a1')
  t.equal(sent.length, 1)
  t.match(await outcome, { state: 'accepted', report: { reply: 'ok' } })
})

t.test('what concerns life overtakes what waits, and never shares its message', async (t) => {
  const { notifier, sent } = createChannel({ takesMs: 20 })
  const { send } = start(t, notifier)
  const all = [
    send('first', { severity: 'low' }),
    send('low-1', { severity: 'low' }),
    send('low-2', { severity: 'low' }),
  ]
  all.push(send('sos'))
  await Promise.all(all)
  t.same(
    sent.map(({ alarms }) => alarms),
    [['first'], ['sos'], ['low-1', 'low-2']],
  )
})

t.test('a storm becomes few messages, and every alarm is in one of them', async (t) => {
  const { notifier, sent } = createChannel({ takesMs: 5 })
  const { send, courier } = start(t, notifier)
  const alarms = Array.from({ length: 200 }, (_, n) => `alarm-${n}`)
  await Promise.all(alarms.map((alarm, n) => send(alarm, { title: `${n} 号楼`, text: '水浸' })))
  t.same(sent.flatMap((one) => one.alarms).sort(), [...alarms].sort())
  t.ok(sent.length < 20, `${sent.length} messages`)
  t.equal(courier.counts().grouped, 200 - sent.length)
})

t.test('the rate of a bot is kept, and a quarter of it is free for what concerns life', async (t) => {
  const { notifier, sent } = createChannel({ limits: [{ count: 4, perMs: 400 }] })
  const { send } = start(t, notifier)
  const addresses = ['a', 'b', 'c', 'd', 'e'].map((address) => ({ to: { person: address, address } }))
  const low = addresses.map((to, n) => send(`low-${n}`, { severity: 'low' }, to))
  t.equal(sent.length, 3, 'three of four')
  const sos = send('sos', {}, { to: { person: 'f', address: 'f' } })
  t.same(sent[3]?.alarms, ['sos'], 'the fourth is free')
  await Promise.all([...low, sos])
  for (const [index, { at }] of sent.entries()) {
    const fifthBefore = sent[index - 4]
    if (fifthBefore) t.ok(at - fifthBefore.at >= 395, `${at - fifthBefore.at} ms for four`)
  }
})

t.test(
  'a channel that fails is tried again until it takes the message; it was lost once and is back once',
  async (t) => {
    let failures = 4
    const { notifier, sent } = createChannel({
      fail: () => (failures-- > 0 ? new DeliveryError('away', { retryable: true, hint: 'look' }) : undefined),
    })
    const { send, states } = start(t, notifier)
    t.match(await send('a1'), { state: 'accepted' })
    t.equal(sent.length, 5)
    t.match(states, [{ state: 'down', reason: 'away', hint: 'look', channel: 'wecom' }, { state: 'up' }])
    t.equal(states.length, 2)
  },
)

t.test(
  'a channel that turns us away is down at once; a person without a number is not the channel’s fault',
  async (t) => {
    let error: Error = new RecipientError('no number', { hint: 'write one' })
    const { notifier } = createChannel({ fail: () => error })
    const { send, states } = start(t, notifier)
    t.match(await send('a1'), { state: 'failed', reply: 'no number; write one' })
    t.same(states, [])
    error = channelError('status', { by: 'Aliyun', status: 403, said: 'no' }, { retryable: false, hint: 'check-key' })
    t.match(await send('a2'), { state: 'failed' })
    t.match(states, [
      {
        state: 'down',
        reason: 'Aliyun answered 403: no',
        hint: /Check the access key/,
        phrases: [{ key: 'status', by: 'Aliyun', status: 403 }, { key: 'check-key' }],
      },
    ])
  },
)

t.test('a fresh SOS does not wait for the pause of a message that failed', async (t) => {
  let isDown = true
  const { notifier, sent } = createChannel({
    fail: () => (isDown ? new DeliveryError('away', { retryable: true }) : undefined),
  })
  const courier = createCourier({
    notifiers: [notifier],
    logger: pino({ level: 'silent' }),
    now: Date.now,
    random: () => 0.99,
    backoff: { minMs: 60_000, maxMs: 60_000 },
  })
  t.teardown(() => courier.close())
  const errand = (alarm: string) => ({
    notifier: 'bot',
    to: { person: 'a', address: 'one' },
    message: aMessage({ alarm }),
    expiresAt: Date.now() + 600_000,
  })
  void courier.send(errand('old'))
  await until('the first has failed', () => courier.counts().retried === 1)
  isDown = false
  t.match(await courier.send(errand('fresh')), { state: 'accepted' })
  t.same(sent.at(-1)?.alarms.includes('fresh'), true)
})

t.test('a bot that asks to be left alone is left alone', async (t) => {
  let isLimited = true
  const { notifier, sent } = createChannel({
    fail() {
      const error = isLimited ? new DeliveryError('45009', { retryable: true, retryAfterMs: 150 }) : undefined
      isLimited = false
      return error
    },
  })
  const { send } = start(t, notifier)
  t.match(await send('a1'), { state: 'accepted' })
  t.ok(sent[1]!.at - sent[0]!.at >= 145)
})

t.test('what somebody has answered is taken back; what is too old is given up', async (t) => {
  const { notifier, sent } = createChannel({
    takesMs: 10,
    fail: () => new DeliveryError('away', { retryable: true }),
  })
  const { send, courier } = start(t, notifier)
  const late = send('late', {}, { expiresAt: Date.now() + 30 })
  const waiting = send('answered')
  courier.withdraw('answered')
  t.match(await waiting, { state: 'withdrawn' })
  t.match(await late, { state: 'failed', reply: /away/ })
  t.notOk(sent.some(({ alarms }) => alarms.includes('answered')))
})

t.test('after closing nothing is sent, and what waited says so', async (t) => {
  const { notifier, sent } = createChannel({ takesMs: 20 })
  const { send, courier } = start(t, notifier)
  const first = send('a1')
  const second = send('a2')
  await courier.close()
  t.match(await second, { state: 'stopped' })
  t.match(await first, { state: 'accepted' }, 'what was under way has its outcome')
  t.match(await send('a3'), { state: 'stopped' })
  t.equal(sent.length, 1)
})

t.test('a clock that is set back eight hours holds up no message', async (t) => {
  const hour = 3600_000
  let setBy = 0
  let failures = 1
  const { notifier, sent } = createChannel({
    limits: [{ count: 2, perMs: 200 }],
    fail: () => (failures-- > 0 ? new DeliveryError('away', { retryable: true }) : undefined),
  })
  const courier = createCourier({
    ...{ notifiers: [notifier], logger: pino({ level: 'silent' }), random: Math.random },
    ...{ now: () => Date.now() + setBy, backoff: { minMs: 5, maxMs: 20 } },
  })
  t.teardown(() => courier.close())
  const send = (alarm: string) =>
    courier.send({
      ...{ notifier: 'bot', to: { person: alarm, address: alarm }, message: aMessage({ alarm }) },
      expiresAt: Date.now() + setBy + 60_000,
    })
  const first = send('before')
  setBy = -8 * hour
  const outcomes = await Promise.all([first, send('after-1'), send('after-2')])
  t.same([...new Set(outcomes.map(({ state }) => state))], ['accepted'])
  t.equal(sent.length, 4, 'one of them twice')
})

t.test('a window slides: never more than the count within its length', async (t) => {
  const window = createRateWindow([
    { count: 100, perMs: 60_000 },
    { count: 5, perMs: 1000 },
  ])
  const sent: number[] = []
  for (let at = 0; at < 180_000; ) {
    const freeAt = window.freeAt(at, true)
    if (freeAt > at) at = freeAt
    else {
      window.take(at)
      sent.push(at)
      at += 7
    }
  }
  const most = (perMs: number) =>
    Math.max(...sent.map((from) => sent.filter((at) => at >= from && at < from + perMs).length))
  t.equal(most(1000), 5)
  t.equal(most(60_000), 100)
})
