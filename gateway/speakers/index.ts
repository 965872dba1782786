import { command } from './command.ts'
import { mqtt } from './mqtt.ts'
import { rtpMulticast } from './rtp-multicast.ts'
import type { SpeakerDriver } from './speaker.ts'
import { vapix } from './vapix.ts'

/** Every speaker driver there is; a new one is a line here. */
export const speakerDrivers: readonly SpeakerDriver[] = [rtpMulticast, mqtt, vapix, command]
