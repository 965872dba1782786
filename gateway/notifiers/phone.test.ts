import { createHash, createHmac } from 'node:crypto'
import pino from 'pino'
import t, { type Test } from 'tap'
import type { Delivery, Notifier } from '../core/ports.ts'
import { signAliyun } from './aliyun.ts'
import { createCourier } from './courier.ts'
import { sms } from './sms.ts'
import { signTencent } from './tencent.ts'
import { aMessage, createContext, type Received, startVendor } from './testing.ts'
import { voice } from './voice.ts'
import { webhookSignature } from './webhook.ts'

const signal = new AbortController().signal
const to = { person: 'caregiver-a', address: '13800000000' }
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

t.test('ACS3-HMAC-SHA256 gives the signature of Aliyun’s own example', async (t) => {
  const { headers } = signAliyun({
    url: 'https://ecs.cn-shanghai.aliyuncs.com',
    action: 'RunInstances',
    version: '2014-05-26',
    parameters: { ImageId: 'win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd', RegionId: 'cn-shanghai' },
    accessKeyId: 'YourAccessKeyId',
    accessKeySecret: 'YourAccessKeySecret',
    now: Date.parse('2023-10-26T10:22:32Z'),
    nonce: '3156853299f313e23d1673dc12e1703d',
  })
  t.match(headers.authorization, /Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0$/)
})

t.test('TC3-HMAC-SHA256 gives the signature of Tencent’s own example', async (t) => {
  const { authorization } = signTencent({
    url: 'https://cvm.tencentcloudapi.com',
    service: 'cvm',
    action: 'DescribeInstances',
    version: '2017-03-12',
    region: 'ap-guangzhou',
    body: '{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}',
    secretId: 'AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE',
    secretKey: 'Gu5t9xGARNpq86cd98joQYCN3EXAMPLE',
    now: 1_551_113_065_000,
  })
  t.match(authorization, /Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168$/)
})

/** Checks a request as Aliyun documents it: from what arrived alone. */
function isSignedByAliyun({ headers, query, method }: Received, secret: string): boolean {
  const [, names = '', signature] = /SignedHeaders=([^,]*),Signature=(\w+)/.exec(headers.authorization ?? '') ?? []
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  const sorted = [...query].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort()
  const lines = names.split(';').map((name) => `${name}:${headers[name]}\n`)
  const canonical = [method, '/', sorted.join('&'), lines.join(''), names, headers['x-acs-content-sha256']].join('\n')
  return hmac(secret, `ACS3-HMAC-SHA256\n${sha256(canonical)}`).toString('hex') === signature
}

t.test('an SMS by Aliyun carries the template’s variables, signed', async (t) => {
  let code = 'OK'
  const vendor = await startVendor(t, (received) =>
    isSignedByAliyun(received, 'key-secret')
      ? { body: { Code: code, Message: code, BizId: 'biz-7', RequestId: 'r' } }
      : { status: 400, body: { Code: 'SignatureDoesNotMatch', Message: 'signature' } },
  )
  const account = { accessKeyId: 'AK', accessKeySecret: { env: 'KEY' }, url: vendor.url }
  const parameters = { what: 'what', place: 'where', name: 'who' } as const
  const options = { aliyun: { ...account, signName: '江畔花园', templateCode: 'SMS_1', parameters } }
  const channel = sms.create(options, createContext({ secrets: { KEY: 'key-secret' } }))
  t.match(await channel.send([aMessage()], to, signal), { reference: 'biz-7' })
  const [{ query, headers }] = vendor.received as [Received]
  t.match(Object.fromEntries(query), { PhoneNumbers: '13800000000', SignName: '江畔花园', TemplateCode: 'SMS_1' })
  t.same(JSON.parse(query.get('TemplateParam')!), { what: '老人紧急呼叫', place: '1 号楼 301', name: '301 室长者' })
  t.match(headers, { 'x-acs-action': 'SendSms', 'x-acs-version': '2017-05-25' })

  code = 'isv.BUSINESS_LIMIT_CONTROL'
  await t.rejects(channel.send([aMessage()], to, signal), {
    name: 'DeliveryError',
    retryable: true,
    retryAfterMs: 60_000,
  })
  code = 'isv.DAY_LIMIT_CONTROL'
  await t.rejects(channel.send([aMessage()], to, signal), { name: 'DeliveryError', retryable: false })
  const wrong = sms.create(options, createContext({ secrets: { KEY: 'wrong' } }))
  await t.rejects(wrong.send([aMessage()], to, signal), { name: 'DeliveryError', retryable: false, hint: /access key/ })
  await t.rejects(channel.send([aMessage()], { person: 'caregiver-a' }, signal), { name: 'RecipientError' })
})

t.test('a call and an SMS by Tencent are signed, and each number’s own status counts', async (t) => {
  let status = 'Ok'
  const vendor = await startVendor(t, ({ headers, body }) => {
    const [, id, date, service, names = '', signature] =
      /Credential=(\w+)\/([\d-]+)\/(\w+)\/tc3_request, SignedHeaders=([^,]*), Signature=(\w+)/.exec(
        headers.authorization ?? '',
      ) ?? []
    const lines = names.split(';').map((name) => `${name}:${headers[name]}\n`)
    const canonical = ['POST', '/', '', lines.join(''), names, sha256(body.toString())].join('\n')
    const key = hmac(hmac(hmac('TC3key-secret', date!), service!), 'tc3_request')
    const scope = `${date}/${service}/tc3_request`
    const text = `TC3-HMAC-SHA256\n${headers['x-tc-timestamp']}\n${scope}\n${sha256(canonical)}`
    if (id !== 'AKID' || hmac(key, text).toString('hex') !== signature)
      return { body: { Response: { Error: { Code: 'AuthFailure.SignatureFailure', Message: 'no' } } } }
    return headers['x-tc-action'] === 'SendSms'
      ? { body: { Response: { SendStatusSet: [{ Code: status, Message: status, SerialNo: 'serial-1' }] } } }
      : { body: { Response: { SendStatus: { CallId: 'call-1' } } } }
  })
  const account = { secretId: 'AKID', secretKey: { env: 'KEY' }, region: 'ap-guangzhou', url: vendor.url }
  const parameters: ['where', 'what', 'who'] = ['where', 'what', 'who']
  const context = createContext({ secrets: { KEY: 'key-secret' } })
  const message = sms.create(
    { tencent: { ...account, sdkAppId: '1400', signName: '江畔花园', templateId: '7', parameters } },
    context,
  )
  const call = voice.create(
    { tencent: { ...account, voiceSdkAppId: '1401', templateId: '8', parameters, playTimes: 2 } },
    context,
  )
  t.match(await message.send([aMessage()], to, signal), { reference: 'serial-1' })
  t.match(await call.send([aMessage()], to, signal), { reference: 'call-1' })
  t.match(vendor.received[0]?.json, {
    PhoneNumberSet: ['+8613800000000'],
    TemplateParamSet: ['1 号楼 301', '老人紧急呼叫', '301 室长者'],
  })
  t.match(vendor.received[1]?.json, { CalledNumber: '+8613800000000', PlayTimes: 2 })
  status = 'LimitExceeded.PhoneNumberThirtySecondLimit'
  await t.rejects(message.send([aMessage()], to, signal), { name: 'DeliveryError', retryable: true })
  status = 'FailedOperation.InsufficientBalanceInSmsPackage'
  await t.rejects(message.send([aMessage()], to, signal), { name: 'DeliveryError', retryable: false, hint: /balance/ })
})

t.test('a call by Aliyun reads the template twice; one call tells of every place of a storm', async (t) => {
  const vendor = await startVendor(t, (received) =>
    isSignedByAliyun(received, 'key-secret')
      ? { body: { Code: 'OK', CallId: 'call-7' } }
      : { body: { Code: 'SignatureDoesNotMatch' } },
  )
  const account = { accessKeyId: 'AK', accessKeySecret: { env: 'KEY' }, url: vendor.url }
  const aliyun = { ...account, ttsCode: 'TTS_1', parameters: { where: 'where' } as const, playTimes: 2 }
  const channel = voice.create({ aliyun }, createContext({ secrets: { KEY: 'key-secret' } }))
  const second = aMessage({ alarm: 'alarm-2', fields: { ...aMessage().fields, where: '2 号楼 502' } })
  t.match(await channel.send([aMessage(), second], to, signal), { reference: 'call-7' })
  const [{ query }] = vendor.received as [Received]
  t.match(Object.fromEntries(query), { Action: undefined, CalledNumber: '13800000000', PlayTimes: '2' })
  t.same(JSON.parse(query.get('TtsParam')!), { where: '1 号楼 301、2 号楼 502' })
})

t.test('in a storm of calls for help every home is said whole, by as many calls as that takes', async (t) => {
  const vendor = await startVendor(t, () => ({ body: { Code: 'OK', CallId: 'call-7' } }))
  const account = { accessKeyId: 'AK', accessKeySecret: { env: 'KEY' }, url: vendor.url }
  const storm = async (driver: typeof voice | typeof sms, options: object) => {
    const before = vendor.received.length
    const notifier = driver.create({ aliyun: { ...account, ...options } } as never, createContext())
    const logger = pino({ level: 'silent' })
    const courier = createCourier({ notifiers: [notifier], logger, now: Date.now, random: Math.random })
    t.teardown(() => courier.close())
    const calls = Array.from({ length: 10 }, (_, n) =>
      courier.send({
        ...{ notifier: notifier.id, to, expiresAt: Date.now() + 600_000 },
        message: aMessage({
          alarm: `alarm-${n}`,
          link: `https://e.example/${n}`,
          fields: {
            what: '老人跌倒',
            where: `${n + 1} 号楼 2 单元 701`,
            who: `${n + 1} 号楼 701 室长者`,
            when: '02:00',
          },
        }),
      }),
    )
    t.ok((await Promise.all(calls)).every(({ state }) => state === 'accepted'))
    return vendor.received
      .slice(before)
      .map(({ query }) => JSON.parse(query.get('TtsParam') ?? query.get('TemplateParam')!) as Record<string, string>)
  }
  const homes = Array.from({ length: 10 }, (_, n) => `${n + 1} 号楼 2 单元 701`)
  const both = { where: 'where', who: 'who' } as const
  const told = await storm(voice, { ttsCode: 'TTS_1', playTimes: 2, parameters: both })
  t.same(told.flatMap(({ where }) => where!.split('、')).sort(), [...homes].sort())
  t.ok(told.length < 10, `${told.length} calls`)

  const wheres = await storm(voice, { ttsCode: 'TTS_1', playTimes: 2, parameters: { where: 'where' } })
  t.equal(wheres.length, 10, 'where nobody’s name is said, each is a call of its own')

  const texts = { signName: '江畔花园', templateCode: 'SMS_1', parameters: { ...both, link: 'link' } }
  t.same(
    (await storm(sms, texts)).map(({ link }) => link),
    homes.map((_, n) => `https://e.example/${n}`),
  )
})

t.test('a provider of one’s own takes signed JSON with the whole text', async (t) => {
  const vendor = await startVendor(t, ({ headers, body }) => {
    const expected = webhookSignature(Number(headers['x-gridgate-timestamp']), body.toString(), 'shared')
    return headers['x-gridgate-signature'] === `v1=${expected}` ? { body: { id: 'sim-1' } } : { status: 401 }
  })
  const channel = voice.create(
    { http: { url: vendor.url, secret: { env: 'S' } } },
    createContext({ secrets: { S: 'shared' } }),
  )
  t.match(await channel.send([aMessage()], to, signal), { reference: 'sim-1' })
  t.match(vendor.received[0]?.json, { to: '13800000000', link: /answer/, language: 'zh-CN', alarms: ['alarm-1'] })
})

/** What the courier comes to hear of one message to the telephone. */
async function deliveryOf(t: Test, notifier: Notifier): Promise<Delivery> {
  const courier = createCourier({
    ...{ notifiers: [notifier], logger: pino({ level: 'silent' }), now: Date.now, random: Math.random },
    deliveryAfterMs: [1, 2, 3, 4, 5],
  })
  t.teardown(() => courier.close())
  return new Promise((resolve, reject) => {
    void courier
      .send({
        ...{ notifier: notifier.id, to, message: aMessage(), expiresAt: Date.now() + 60_000 },
        onDelivery: resolve,
      })
      .then(({ state }) => state === 'accepted' || reject(new Error(state)))
  })
}

t.test('Aliyun is asked until the operator says whether the telephone has the message', async (t) => {
  const details = [undefined, { SendStatus: 1 }, { SendStatus: 3, ReceiveDate: '2026-11-22 10:02:03' }]
  const asked: Received[] = []
  const vendor = await startVendor(t, (received) => {
    if (received.headers['x-acs-action'] === 'SendSms') return { body: { Code: 'OK', BizId: 'biz-7' } }
    if (!isSignedByAliyun(received, 'key-secret')) return { body: { Code: 'SignatureDoesNotMatch' } }
    const detail = details[Math.min(asked.push(received) - 1, details.length - 1)]
    return { body: { Code: 'OK', SmsSendDetailDTOs: { SmsSendDetailDTO: detail ? [detail] : [] } } }
  })
  const account = { accessKeyId: 'AK', accessKeySecret: { env: 'KEY' }, url: vendor.url }
  const aliyun = { ...account, signName: '江畔花园', templateCode: 'SMS_1', parameters: { what: 'what' } as const }
  const delivery = await deliveryOf(t, sms.create({ aliyun }, createContext({ secrets: { KEY: 'key-secret' } })))
  t.match(delivery, { state: 'delivered', at: Date.parse('2026-11-22T02:02:03Z') })
  t.equal(asked.length, 3)
  t.match(Object.fromEntries(asked[0]!.query), {
    ...{ PhoneNumber: '13800000000', BizId: 'biz-7', SendDate: /^20\d{6}$/, PageSize: '10', CurrentPage: '1' },
  })
  details.splice(0, details.length, { SendStatus: 2, ErrCode: 'MOBILE_OFF' } as never)
  const lost = await deliveryOf(t, sms.create({ aliyun }, createContext({ secrets: { KEY: 'key-secret' } })))
  t.match(lost, { state: 'failed', reply: /MOBILE_OFF/ })
})

t.test('Tencent is asked by number, and only what was said of this message counts', async (t) => {
  const known: object[] = [{ SerialNo: 'another', ReportStatus: 'FAIL' }]
  let turns = 0
  const vendor = await startVendor(t, ({ headers }) => {
    if (headers['x-tc-action'] === 'SendSms')
      return { body: { Response: { SendStatusSet: [{ Code: 'Ok', SerialNo: 'serial-1' }] } } }
    if (++turns === 2) return { status: 500 }
    if (turns === 3) known.push({ SerialNo: 'serial-1', ReportStatus: 'SUCCESS', UserReceiveTime: 1_620_734_188 })
    return { body: { Response: { PullSmsSendStatusSet: known } } }
  })
  const account = { secretId: 'AKID', secretKey: { env: 'KEY' }, region: 'ap-guangzhou', url: vendor.url }
  const tencent = { ...account, sdkAppId: '1400', signName: '江畔花园', templateId: '7', parameters: [] }
  const delivery = await deliveryOf(t, sms.create({ tencent }, createContext()))
  t.match(delivery, { state: 'delivered', at: 1_620_734_188_000 })
  const [, first] = vendor.received
  t.match(first?.headers, { 'x-tc-action': 'PullSmsSendStatusByPhoneNumber', 'x-tc-version': '2021-01-11' })
  t.match(first?.json, { PhoneNumber: '+8613800000000', SmsSdkAppId: '1400', Offset: 0, Limit: 100 })
})
