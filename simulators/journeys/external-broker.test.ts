import t from 'tap'
import { startMosquitto } from '../../gateway/testing/mosquitto.ts'
import { until } from '../../gateway/testing/until.ts'
import { eBikeIsTalkedOut } from './main-job.ts'

t.test('a site with a broker of its own, Mosquitto, is served as well as one without', async (t) => {
  const mosquitto = await startMosquitto()
  t.teardown(() => mosquitto.stop())
  const { client } = await eBikeIsTalkedOut(t, { externalBroker: mosquitto.url })
  await until('every device reports through it', async () => {
    const { items } = await client.get<{ items: Array<{ isUp: boolean }> }>('/devices')
    return items.length === 10 && items.every(({ isUp }) => isUp)
  })
})
