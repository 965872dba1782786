import mqtt from 'mqtt'
import { createDoorHold } from '../door-hold.ts'
import { mqttRelay } from '../mqtt-relay.ts'

// A process that holds a door for ever, to be killed: `node holder.ts <broker url>`.

const client = await mqtt.connectAsync(process.argv[2]!)
const contact = mqttRelay.create({ device: 'relay', answerWithinMs: 2000 } as never, {
  site: 's',
  lift: 'b1-lift',
  mqtt: {
    publish: async (topic, payload, how) => void (await client.publishAsync(topic, payload, how)),
    subscribe(filter, handler) {
      client.on('message', handler)
      client.subscribe(filter)
      return () => client.off('message', handler)
    },
  },
})
const hold = createDoorHold({
  contact,
  rules: { signals: [], maxHoldSeconds: 60, coolDownSeconds: 10, maxSignalAgeMs: 10_000 },
  onEvent: () => {},
})
void hold.run(new AbortController().signal)
const hear = () => {
  const [deviceAt, ingestedAt] = [Date.now(), Date.now()]
  for (const metric of ['isAtLanding', 'isDoorOpen'])
    hold.onMeasurement({ device: 'd', metric, value: true, deviceAt, ingestedAt, clockTrusted: true })
}
hear()
setInterval(hear, 500)
hold.want(true)
