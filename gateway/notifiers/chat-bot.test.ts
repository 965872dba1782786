import { createHmac } from 'node:crypto'
import t from 'tap'
import { DeliveryError } from '../core/errors.ts'
import type { Notifier } from '../core/ports.ts'
import { dingtalkSignature, feishuSignature } from './chat-bot.ts'
import { dingtalk } from './dingtalk.ts'
import { feishu } from './feishu.ts'
import { aMessage, createContext, type Received, startVendor, type VendorAnswer } from './testing.ts'
import { wecom } from './wecom.ts'

const hourMs = 3600_000
const send = (notifier: Notifier, address?: string, messages = [aMessage()] as const) =>
  notifier.send(messages, { person: 'caregiver-a', ...(address ? { address } : {}) }, new AbortController().signal)

t.test('DingTalk and Feishu swap key and message of their signatures', async (t) => {
  // Made with openssl: printf '1700000000000\nSECxyz' | openssl dgst -sha256 -hmac SECxyz -binary | base64
  t.equal(dingtalkSignature(1_700_000_000_000, 'SECxyz'), '0PUR1j8g85Xg3vlFV/UrEcxXfF5HpCAGzcjrNfyJoyg=')
  // printf '' | openssl dgst -sha256 -mac HMAC -macopt hexkey:<hex of '1700000000\nSECxyz'> -binary | base64
  t.equal(feishuSignature(1_700_000_000, 'SECxyz'), 'GnU9dobz1WousiKlH0LX6FYP8yrWNCgoJOvRhpMc8HY=')
})

t.test(
  'a DingTalk group hears of it when token and signature are right, and the gateway says so when not',
  async (t) => {
    const secrets = { TOKEN: 'token-1', SECRET: 'SEC-right' }
    const vendor = await startVendor(t, ({ query }) => {
      if (query.get('access_token') !== 'token-1') return { body: { errcode: 300005, errmsg: 'token is not exist' } }
      const timestamp = query.get('timestamp') ?? ''
      const expected = createHmac('sha256', 'SEC-right').update(`${timestamp}\nSEC-right`).digest('base64')
      const isFresh = Math.abs(Date.now() - Number(timestamp)) < hourMs
      if (query.get('sign') !== expected || !isFresh) return { body: { errcode: 310000, errmsg: 'sign not match' } }
      return { body: { errcode: 0, errmsg: 'ok' } }
    })
    const options = { token: { env: 'TOKEN' }, secret: { env: 'SECRET' }, url: `${vendor.url}/robot/send` }
    await send(dingtalk.create(options, createContext({ secrets })), '13800000000')
    t.match(vendor.received[0]?.json, {
      msgtype: 'text',
      text: { content: /301：老人紧急呼叫[\s\S]*https:\/\/care\.example\.org\/answer\/abc[\s\S]*@13800000000/ },
      at: { atMobiles: ['13800000000'], isAtAll: false },
    })
    const wrong = dingtalk.create(options, createContext({ secrets: { ...secrets, SECRET: 'SEC-wrong' } }))
    await t.rejects(send(wrong), { message: /310000/, retryable: false, hint: /signing secret/ })
    const late = dingtalk.create(options, createContext({ secrets, now: () => Date.now() - 2 * hourMs }))
    await t.rejects(send(late), { message: /310000/, hint: /clock/ })
  },
)

t.test('a WeCom group hears of it by its key; too much is told as what it is', async (t) => {
  let isBusy = false
  const vendor = await startVendor(t, ({ query, json }): VendorAnswer => {
    if (query.get('key') !== 'key-1') return { body: { errcode: 93000, errmsg: 'invalid webhook url' } }
    const { content } = (json as { text: { content: string } }).text
    if (Buffer.byteLength(content) > 2048) return { body: { errcode: 45002, errmsg: 'content size out of limit' } }
    return { body: isBusy ? { errcode: 45009, errmsg: 'api freq out of limit' } : { errcode: 0, errmsg: 'ok' } }
  })
  const options = { key: { env: 'KEY' }, url: `${vendor.url}/cgi-bin/webhook/send` }
  const bot = wecom.create(options, createContext({ secrets: { KEY: 'key-1' } }))
  await send(bot, '13800000000')
  t.match(vendor.received[0]?.json, { msgtype: 'text', text: { mentioned_mobile_list: ['13800000000'] } })
  isBusy = true
  await t.rejects(send(bot), { message: /45009/, retryable: true, retryAfterMs: 60_000 })
  const stranger = wecom.create(options, createContext({ secrets: { KEY: 'key-2' } }))
  await t.rejects(send(stranger), { message: /93000/, retryable: false, hint: /key is unknown/ })
})

t.test('a Feishu group hears of it when the signature in the body is right', async (t) => {
  let answer: ((received: Received) => VendorAnswer) | undefined
  const vendor = await startVendor(t, (received) => {
    if (answer) return answer(received)
    const { timestamp, sign, content } = received.json as { timestamp: string; sign: string; content: { text: string } }
    const expected = createHmac('sha256', `${timestamp}\nFS-right`).digest('base64')
    const isFresh = Math.abs(Date.now() / 1000 - Number(timestamp)) < 3600
    if (sign !== expected || !isFresh)
      return { status: 400, body: { code: 19021, msg: 'sign match fail or timestamp is not within one hour' } }
    return content.text
      ? { body: { code: 0, msg: 'success' } }
      : { status: 400, body: { code: 9499, msg: 'Bad Request' } }
  })
  const options = { token: { env: 'TOKEN' }, secret: { env: 'SECRET' }, url: `${vendor.url}/open-apis/bot/v2/hook` }
  const bot = feishu.create(options, createContext({ secrets: { TOKEN: 'hook-1', SECRET: 'FS-right' } }))
  await send(bot, 'ou_7')
  t.equal(vendor.received[0]?.path, '/open-apis/bot/v2/hook/hook-1')
  t.match(vendor.received[0]?.json, { msg_type: 'text', content: { text: /<at user_id="ou_7"><\/at>/ } })
  const wrong = feishu.create(options, createContext({ secrets: { TOKEN: 'hook-1', SECRET: 'FS-wrong' } }))
  await t.rejects(send(wrong), { message: /19021/, retryable: false })
  answer = () => ({ status: 429, body: { code: 11232, msg: 'too many request' } })
  await t.rejects(send(bot), { message: /11232/, retryable: true })
  answer = () => ({ status: 502, body: 'bad gateway' })
  await t.rejects(send(bot), { name: 'DeliveryError', retryable: true })
  answer = () => ({ status: 200, body: '<html>log in first</html>' })
  await t.rejects(send(bot), { message: /no answer of a bot/, retryable: false })
})

t.test('the token of a bot stands in no error', async (t) => {
  const options = { token: { env: 'TOKEN' }, url: 'http://127.0.0.1:9/robot/send' }
  const bot = dingtalk.create(options, createContext({ secrets: { TOKEN: 'token-very-secret' } }))
  const error = await send(bot).catch((reason: unknown) => reason)
  t.ok(error instanceof DeliveryError && error.retryable)
  t.notMatch(JSON.stringify([String(error), error, String((error as Error).cause)]), /very-secret/)
})

t.test('several alarms in one message keep every place and every link', async (t) => {
  const vendor = await startVendor(t, () => ({ body: { errcode: 0 } }))
  const bot = dingtalk.create({ token: { env: 'T' }, url: vendor.url }, createContext())
  const second = aMessage({
    alarm: 'alarm-2',
    title: '【特急】跌倒 · 2 号楼 502',
    link: 'https://care.example.org/answer/def',
  })
  await send(bot, undefined, [aMessage(), second] as never)
  const { content } = vendor.received[0]?.json.text as { content: string }
  t.match(content, /^2 起警报/)
  for (const part of ['1 号楼 301', '/answer/abc', '2 号楼 502', '/answer/def']) t.ok(content.includes(part), part)
})
