import { createHash } from 'node:crypto'
import t from 'tap'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { apiStarter } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })

t.test('a platform hands in messages with its own token, and with no other', async (t) => {
  const taken: Array<[string, unknown]> = []
  const { app } = await start(t, {
    devicePush: {
      tokenHashes: new Map([['ctwing', createHash('sha256').update('token-of-ctwing').digest('hex')]]),
      take: async (integration, payload) => {
        taken.push([integration, JSON.parse(Buffer.from(payload).toString())])
        return taken.length === 1
      },
    },
  })
  const push = (integration: string, token: string | undefined, payload: unknown) =>
    app.inject({
      method: 'POST',
      url: `/api/v1/devices/push/${integration}`,
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      payload: JSON.stringify(payload),
    })
  const first = await push('ctwing', 'token-of-ctwing', { IMEI: '1', payload: { smoke: 1 } })
  t.same([first.statusCode, first.json()], [200, { isUnderstood: true }])
  const second = await push('ctwing', 'token-of-ctwing', [1])
  t.same([second.statusCode, second.json()], [200, { isUnderstood: false }], 'the platform need not send it again')
  t.equal((await push('ctwing', 'wrong', {})).statusCode, 401)
  t.equal((await push('ctwing', undefined, {})).statusCode, 401)
  t.equal((await push('onenet', 'token-of-ctwing', {})).statusCode, 401)
  t.same(taken, [
    ['ctwing', { IMEI: '1', payload: { smoke: 1 } }],
    ['ctwing', [1]],
  ])
})
