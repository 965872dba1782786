import t from 'tap'
import { codecs } from './index.ts'

const auto = codecs.find(({ kind }) => kind === 'auto')!
const route = { base: '', find: () => undefined }
const decode = (topic: string, text: string) =>
  auto.decode({ topic, payload: Buffer.from(text), isRetained: false, receivedAt: 0 }, route)

t.test('what looks like a family and is not is refused in that family’s words, under its name', async (t) => {
  t.same(decode('zigbee2mqtt/lamp', 'ON'), {
    notUnderstood: {
      reason: 'looks like zigbee2mqtt: expected a JSON object; set advanced.output of Zigbee2MQTT to json',
      phrase: { key: 'zigbee2mqtt-json', guess: 'zigbee2mqtt' },
    },
  })
})

t.test('what no family recognises is answered with the families there are, and what can be done', async (t) => {
  t.match(decode('factory/oven', '{"t":20}'), {
    notUnderstood: {
      reason: /^no family of devices recognised it \(zigbee2mqtt, .*\); give the device a codec/,
      phrase: { key: 'no-family', families: /shelly/ },
    },
  })
})
