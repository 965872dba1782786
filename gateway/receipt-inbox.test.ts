import { join } from 'node:path'
import process from 'node:process'
import pino from 'pino'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { createAlarms } from './alarms/alarms.ts'
import { createApi } from './api/server.ts'
import { parseSite } from './config/load.ts'
import { systemClock } from './core/clock.ts'
import type { Finding } from './core/scene.ts'
import { driverSchemas } from './drivers.ts'
import { startVendor } from './notifiers/testing.ts'
import { createPeople } from './people.ts'
import { newId } from './storage/id.ts'
import { openStore } from './storage/store.ts'
import { until } from './testing/until.ts'

/*
 * The providers of short messages and calls are real HTTP peers: they take what is sent, and push what became of it in the
 * shapes of their documentation.
 */

const silent = pino({ level: 'silent' })
const secrets: Record<string, string> = {
  KEY: 'key-secret',
  TEXTS: 'texts-0123456789abcdefghij',
  CALLS: 'calls-0123456789abcdefghij',
}
Object.assign(process.env, secrets)

const siteText = (provider: string, texts: string, calls: string) => `
site: { id: garden, name: { zh: 江畔花园, en: Riverside Gardens } }
buildings: [{ id: b1, name: { zh: 1 号楼, en: Building 1 } }]
notifiers:
  - { id: texts, name: { zh: 短信, en: Texts }, driver: sms, options: { ${provider}: ${texts} } }
  - { id: calls, name: { zh: 电话, en: Calls }, driver: voice, options: { ${provider}: ${calls} } }
people:
  - id: a
    name: 护理员甲
    duty: caregiver
    channels: [{ notifier: texts, address: "13800000000" }, { notifier: calls, address: "13800000000" }]
  - { id: desk, name: 值班台, duty: control-room, channels: [] }
chains:
  - { id: quick, repeatSeconds: 30, steps: [{ afterSeconds: 0, tell: [contact-1] }, { afterSeconds: 600, tell: [control-room], task: call-120 }] }
escalation: { elders: quick }
elders:
  - { id: elder-301, name: 301 室长者, place: { building: b1, floor: "3", flat: "301" }, contacts: [a] }
`

async function build(t: Test, dir: string, site: string) {
  const { now } = systemClock
  const config = parseSite(site, 'site.yaml', driverSchemas)
  const store = openStore({ file: join(dir, 'gridgate.db'), now })
  const fail = (error: unknown) => {
    throw error
  }
  const people = createPeople({
    ...{ config, store, clock: systemClock, random: Math.random, logger: silent, onError: fail },
    linkSecret: 'kept in a file in a real gateway',
    secret: (reference) => secrets['env' in reference ? reference.env : '']!,
    onFinding: () => {},
  })
  const alarms = createAlarms({
    ...{ store, now, escalation: people.escalation, onError: fail },
    announcer: { announce: async () => fail(new Error('no voice here')), stop() {} } as never,
    route: () => undefined as never,
    openCase: () => undefined,
    openCaseByHand: () => fail(new Error('no cases here')) as never,
    isSourceUp: () => true,
    newId: (prefix) => newId(prefix, now()),
  })
  const api = await createApi({
    ...{ host: '127.0.0.1', port: 0, store, alarms, people: people.parts, now, logger: silent },
    ...({ cases: {}, doors: { list: () => [] }, telemetry: {}, evidence: {} } as object),
    cameras: { list: () => [], onStatus: () => () => {} },
    devices: { list: () => [] },
    site: { ...config.site, languages: [], buildings: [], lifts: [], cameras: [], speakers: [], disposal: [] },
    passwords: { hash: async (text: string) => text, verify: async () => false },
    health: () => ({ state: 'ok', parts: [] }),
    metrics: new Registry(),
  } as never)
  const { url } = await api.listen()
  let isStopped = false
  const stop = async () => {
    if (isStopped) return
    isStopped = true
    await api.close()
    await people.close()
    store.close()
  }
  t.teardown(stop)
  const push = async (path: string, body: unknown, type = 'application/json') => {
    const answer = await fetch(`${url}/api/v1/receipts/${path}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  return { store, people, alarms, push, stop }
}

const sos = (): Finding => ({
  ...{ type: 'raise', at: Date.now(), kind: 'elder_sos', severity: 'critical', certainty: 1, person: 'elder-301' },
  place: { site: 'garden', building: 'b1', floor: '3', flat: '301' },
  source: { type: 'device', id: 'button-1' },
  why: [],
})

const aliyunSite = (url: string) => {
  const account = `accessKeyId: AK, accessKeySecret: { env: KEY }, url: "${url}"`
  return siteText(
    'aliyun',
    `{ ${account}, signName: 江畔花园, templateCode: SMS_1, receiptSecret: { env: TEXTS } }`,
    `{ ${account}, ttsCode: TTS_1, receiptSecret: { env: CALLS }, answerKey: "1" }`,
  )
}

const startAliyun = (t: Test) =>
  startVendor(t, ({ headers }) => ({
    body:
      headers['x-acs-action'] === 'SendSms'
        ? { Code: 'OK', BizId: 'biz-7' }
        : headers['x-acs-action'] === 'SingleCallByTts'
          ? { Code: 'OK', CallId: '100001616500^100001871490' }
          : { Code: 'OK', SmsSendDetailDTOs: { SmsSendDetailDTO: [] } },
  }))

t.test(
  'Aliyun pushes that a text arrived, and the key pressed in a call is an answer, also after a restart',
  async (t) => {
    const provider = await startAliyun(t)
    const dir = t.testdir()
    const first = await build(t, dir, aliyunSite(provider.url))
    const { id } = first.alarms.take(sos(), 'elder')!
    await until('the provider has taken both', () => {
      const told = first.store.alarm(id)?.told ?? []
      return told.length === 2 && told.every(({ state }) => state === 'accepted')
    })
    t.match(first.store.alarm(id)?.told, [
      { notifier: 'texts', reference: 'biz-7', phrases: [{ key: 'taken', by: 'Aliyun' }] },
      { notifier: 'calls', reference: '100001616500^100001871490', phrases: [{ key: 'call-placed' }] },
    ])
    const report = {
      ...{ phone_number: '13800000000', send_time: '2026-11-22 10:02:00', report_time: '2026-11-22 10:02:03' },
      ...{ success: true, err_code: 'DELIVERED', err_msg: '用户接收成功', sms_size: '1', biz_id: 'biz-7', out_id: id },
    }
    const taken = await first.push(`texts/${secrets.TEXTS}`, [report, { ...report, biz_id: 'of somebody else' }])
    t.same(taken, { status: 200, body: { code: 0, msg: 'OK', result: 0, errmsg: 'OK' } })
    await until('the text is delivered', () => first.store.alarm(id)?.told?.[0]?.deliveredAt !== undefined)
    t.match(first.store.alarm(id), {
      told: [{ state: 'accepted', deliveredAt: Date.parse('2026-11-22T02:02:03Z'), phrases: [{ key: 'delivered' }] }],
      response: { state: 'calling' },
    })
    t.same(first.people.receiptCounts(), { taken: 1, unknown: 1, unreadable: 0 })
    await first.stop()

    const second = await build(t, dir, aliyunSite(provider.url))
    const call = {
      ...{ call_id: '100001616500^100001871490', start_time: '2026-11-22 10:02:10', end_time: '2026-11-22 10:02:20' },
      ...{ duration: '10', status_code: '200000', status_msg: '用户听完语音', out_id: id },
    }
    await second.push(`calls/${secrets.CALLS}`, [{ ...call, dtmf: '2' }])
    await until('the call was taken', () => second.store.alarm(id)?.told?.[1]?.deliveredAt !== undefined)
    t.match(
      second.store.alarm(id),
      {
        told: [{}, { phrases: [{ key: 'key-pressed', pressed: '2' }] }],
        response: { state: 'calling' },
      },
      'another key answers nothing',
    )
    await second.push(`calls/${secrets.CALLS}`, [{ ...call, dtmf: '1' }])
    await second.push(`calls/${secrets.CALLS}`, [{ ...call, dtmf: '1' }])
    t.match(second.store.alarm(id)?.response, { state: 'answered', answers: [{ by: 'a', via: 'call' }] })
    t.equal(second.store.alarm(id)?.response?.answers.length, 1, 'pushed twice, answered once')
  },
)

t.test('a call that nobody takes and a text that is lost bring the next step forward', async (t) => {
  const provider = await startAliyun(t)
  const house = await build(t, t.testdir(), aliyunSite(provider.url))
  const { id } = house.alarms.take(sos(), 'elder')!
  const current = () => house.store.alarm(id)!
  await until('both are out', () => current().told?.every(({ reference }) => reference) === true)
  const nextAt = current().response!.nextAt!
  await house.push(`calls/${secrets.CALLS}`, [
    { call_id: '100001616500^100001871490', status_code: '200102', status_time: '2026-11-22 10:02:05' },
    { call_id: '100001616500^100001871490', status_code: '200003', status_msg: '用户收到呼叫但未接听', duration: '0' },
  ])
  await house.push(`texts/${secrets.TEXTS}`, [
    { biz_id: 'biz-7', success: false, err_code: 'MOBILE_OFF', err_msg: '关机' },
  ])
  await until('both have failed', () => current().told?.every(({ state }) => state === 'failed') === true)
  t.match(current().told, [
    { phrases: [{ key: 'undelivered', said: 'MOBILE_OFF 关机' }] },
    { phrases: [{ key: 'call-missed', said: /200003/ }] },
  ])
  t.ok(current().response!.nextAt! < nextAt)
})

t.test('Tencent pushes texts, calls and keys in its own shapes', async (t) => {
  const provider = await startVendor(t, ({ headers }) => ({
    body: {
      Response:
        headers['x-tc-action'] === 'SendSms'
          ? { SendStatusSet: [{ Code: 'Ok', SerialNo: 'serial-1' }] }
          : headers['x-tc-action'] === 'SendTtsVoice'
            ? { SendStatus: { CallId: 'call-1' } }
            : { PullSmsSendStatusSet: [] },
    },
  }))
  const account = `secretId: AKID, secretKey: { env: KEY }, url: "${provider.url}"`
  const house = await build(
    t,
    t.testdir(),
    siteText(
      'tencent',
      `{ ${account}, sdkAppId: "1400", signName: 江畔花园, templateId: "7", receiptSecret: { env: TEXTS } }`,
      `{ ${account}, voiceSdkAppId: "1401", templateId: "8", receiptSecret: { env: CALLS }, answerKey: "1" }`,
    ),
  )
  const { id } = house.alarms.take(sos(), 'elder')!
  const current = () => house.store.alarm(id)!
  await until('both are out', () => current().told?.every(({ reference }) => reference) === true)
  const call = { call_from: '', callid: 'call-1', mobile: '13800000000', nationcode: '86' }
  await house.push(`texts/${secrets.TEXTS}`, [
    {
      ...{ user_receive_time: '2026-11-22 10:02:03', nationcode: '86', mobile: '13800000000', sid: 'serial-1' },
      ...{ report_status: 'SUCCESS', errmsg: 'DELIVRD', description: '用户短信送达成功' },
    },
  ])
  await house.push(`calls/${secrets.CALLS}`, {
    voiceprompt_callback: { ...call, result: '0', accept_time: '1470197211', end_calltime: '1470197221', fee: '1' },
  })
  await until('both have arrived', () => current().told?.every(({ deliveredAt }) => deliveredAt) === true)
  t.match(current().told, [
    { deliveredAt: Date.parse('2026-11-22T02:02:03Z') },
    { deliveredAt: 1_470_197_211_000, phrases: [{ key: 'call-taken' }] },
  ])
  await house.push(`calls/${secrets.CALLS}`, { voicekey_callback: { ...call, keypress: '1' } })
  t.match(current().response, { state: 'answered', answers: [{ by: 'a', via: 'call' }] })
  await house.push(`calls/${secrets.CALLS}`, {
    voice_failure_callback: { ...call, failure_code: 8, failure_reason: '空号' },
  })
  await until('the failure is told', () => current().told?.[1]?.state === 'failed')
  t.match(current().told?.[1], { phrases: [{ key: 'call-missed', said: '8 空号' }] })
})

t.test('who does not know the secret is told nothing, and rubbish changes nothing', async (t) => {
  const provider = await startAliyun(t)
  const house = await build(t, t.testdir(), aliyunSite(provider.url))
  for (const path of [`texts/${secrets.CALLS}`, `calls/${secrets.TEXTS}`, 'texts/x', `nobody/${secrets.TEXTS}`])
    t.equal((await house.push(path, [])).status, 404, path)
  for (const body of [
    '',
    'rubbish',
    '[1, null, [[]]]',
    '{"voicekey_callback": 7}',
    '[{"biz_id": {}, "success": true}]',
  ])
    t.equal((await house.push(`texts/${secrets.TEXTS}`, body, 'text/plain')).status, 200, body)
  t.equal((await house.push(`texts/${secrets.TEXTS}`, `[${'{},'.repeat(40_000)}{}]`)).status, 413, 'more than it takes')
  t.same(house.people.receiptCounts(), { taken: 0, unknown: 0, unreadable: 5 })
})

t.test('a secret that could be guessed stops the start', async (t) => {
  const provider = await startAliyun(t)
  const weak = aliyunSite(provider.url).replaceAll('{ env: TEXTS }', '{ env: KEY }')
  await t.rejects(build(t, t.testdir(), weak), { name: 'StartError', hint: /openssl/ })
})
