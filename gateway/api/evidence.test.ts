import { writeFileSync } from 'node:fs'
import t from 'tap'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { sampleAlarm, system } from '../storage/testing/sample-rows.ts'
import { parseRange } from './byte-range.ts'
import { apiStarter } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })

const content = Buffer.from(Array.from({ length: 1000 }, (_, n) => n % 256))

/** An alarm with one clip, stored as the gateway does. */
async function withClip(t: Parameters<typeof start>[0]) {
  const scene = await start(t)
  const { id, temporaryFile } = scene.evidence.reserve('alarm-1', 'clip', 'mp4')
  writeFileSync(temporaryFile, content)
  const facts = { type: 'clip', camera: 'camera-1', fromAt: 1, toAt: 2, contentType: 'video/mp4' } as const
  const evidence = await scene.evidence.commit(id, facts)
  const alarm = sampleAlarm({ evidence: [evidence] })
  scene.store.transact((transaction) => {
    const { evidence: _, ...bare } = alarm
    transaction.putAlarm({ ...bare, evidence: [] }, { type: 'raised', alarm: { ...bare, evidence: [] } }, system, 1)
    transaction.putAlarm(alarm, { type: 'evidence-added', at: 2, evidence }, system, 2)
  })
  const operator = await scene.login('operator')
  return { scene, evidence, operator, url: `/api/v1/evidence/${evidence.id}` }
}

t.test('a clip comes whole, with its type, its hash as tag, and for this person only', async (t) => {
  const { operator, url, evidence } = await withClip(t)
  const answer = await operator.inject({ url })
  t.equal(answer.statusCode, 200)
  t.strictSame(answer.rawPayload, content)
  t.match(answer.headers, {
    'content-type': 'video/mp4',
    'content-length': '1000',
    'accept-ranges': 'bytes',
    etag: `"${evidence.sha256}"`,
    'cache-control': /^private/,
    'content-disposition': /^inline/,
  })
  const head = await operator.inject({ method: 'HEAD', url })
  t.equal(head.headers['content-length'], '1000')
  t.equal(head.body, '')
  t.equal((await operator.inject({ url, headers: { 'if-none-match': `"${evidence.sha256}"` } })).statusCode, 304)
})

t.test('a player seeks by ranges', async (t) => {
  const { operator, url, evidence } = await withClip(t)
  for (const [range, from, to] of [
    ['bytes=0-99', 0, 99],
    ['bytes=900-', 900, 999],
    ['bytes=-10', 990, 999],
    ['bytes=990-5000', 990, 999],
  ] as const) {
    const part = await operator.inject({ url, headers: { range } })
    t.equal(part.statusCode, 206, range)
    t.strictSame(part.rawPayload, content.subarray(from, to + 1), range)
    t.equal(part.headers['content-range'], `bytes ${from}-${to}/1000`)
  }
  const beyond = await operator.inject({ url, headers: { range: 'bytes=1000-' } })
  t.equal(beyond.statusCode, 416)
  t.equal(beyond.headers['content-range'], 'bytes */1000')
  const changed = await operator.inject({ url, headers: { range: 'bytes=0-9', 'if-range': '"other"' } })
  t.equal(changed.statusCode, 200, 'the rest of another file is no use')
  const same = await operator.inject({ url, headers: { range: 'bytes=0-9', 'if-range': `"${evidence.sha256}"` } })
  t.equal(same.statusCode, 206)
})

t.test('who saw or took what is in the journal, once per look', async (t) => {
  const { scene, operator, url, evidence } = await withClip(t)
  for (const range of ['bytes=0-', 'bytes=500-', 'bytes=900-']) await operator.inject({ url, headers: { range } })
  await operator.inject({ url: `${url}?download=true` })
  await (await scene.login('admin')).inject({ url })
  const rows = () =>
    scene.store
      .journal({ after: 0, limit: 100, topics: ['audit'] })
      .filter((row) => row.transition.startsWith('evidence-'))
      .map((row) => [row.transition, row.actor.id, row.data.evidence])
  t.same(rows(), [
    ['evidence-viewed', 'id-operator', evidence.id],
    ['evidence-downloaded', 'id-operator', evidence.id],
    ['evidence-viewed', 'id-admin', evidence.id],
  ])
  scene.clock.at += 3600_000
  await operator.inject({ url })
  t.equal(rows().length, 4, 'another look an hour later')
})

t.test('evidence that is gone says why', async (t) => {
  const { scene, operator, url } = await withClip(t)
  t.equal((await operator.inject({ url: '/api/v1/evidence/none' })).statusCode, 404)
  const cleared = { ...scene.store.alarm('alarm-1')!, isActive: false, clearedAt: 3 }
  scene.store.transact((transaction) => transaction.putAlarm(cleared, { type: 'cleared', at: 3 }, system, 3))
  scene.clock.at += 200 * 24 * 3600_000
  await scene.evidence.sweep(scene.clock.at)
  const later = await scene.login('operator')
  const answer = await later.inject({ url })
  t.equal(answer.statusCode, 410)
  t.match(answer.json().error, { code: 'not-found', message: /was deleted at 2027-.*its retention ended/ })
})

t.test('a byte range is read as RFC 9110 says', async (t) => {
  t.same(parseRange('bytes=0-0', 10), { start: 0, end: 0 })
  t.same(parseRange('bytes=-20', 10), { start: 0, end: 9 })
  for (const header of ['bytes=5-2', 'bytes=0-1,5-6', 'lines=1-2', 'bytes=-', 'bytes=a-b'])
    t.equal(parseRange(header, 10), 'whole', header)
  for (const header of ['bytes=10-', 'bytes=-0']) t.equal(parseRange(header, 10), 'unsatisfiable', header)
  t.equal(parseRange('bytes=-5', 0), 'unsatisfiable')
})
