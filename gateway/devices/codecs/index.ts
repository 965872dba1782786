import { gridgateAcceleration } from './acceleration.ts'
import { createAuto } from './auto.ts'
import { chirpstack } from './chirpstack.ts'
import type { Codec } from './codec.ts'
import { gridgateJson } from './gridgate-json.ts'
import { homeAssistant } from './home-assistant.ts'
import { httpPush } from './http-push.ts'
import { mappedJson } from './mapped-json.ts'
import { shelly } from './shelly.ts'
import { sparkplugB } from './sparkplug-b.ts'
import { tasmota } from './tasmota.ts'
import { zigbee2mqtt } from './zigbee2mqtt.ts'

/** The families `auto` asks, in this order: those known by their topics before those known by their payload. */
const families: readonly Codec[] = [
  zigbee2mqtt,
  chirpstack,
  tasmota,
  shelly,
  homeAssistant,
  sparkplugB,
  gridgateAcceleration,
  gridgateJson,
]

/** Every codec a device may name. */
export const codecs: readonly Codec[] = [...families, httpPush, mappedJson, createAuto(families)]
