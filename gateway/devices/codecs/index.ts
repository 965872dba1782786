import { gridgateAcceleration } from './acceleration.ts'
import { createAuto } from './auto.ts'
import type { Codec } from './codec.ts'
import { gridgateJson } from './gridgate-json.ts'
import { zigbee2mqtt } from './zigbee2mqtt.ts'

/** The families `auto` asks, in this order: those known by their topics before those known by their payload. */
const families: readonly Codec[] = [zigbee2mqtt, gridgateAcceleration, gridgateJson]

/** Every codec a device may name. */
export const codecs: readonly Codec[] = [...families, createAuto(families)]
