import { type DoorDriver, mqttRelay } from './mqtt-relay.ts'

/** Every door driver there is; a new one is a line here. */
export const doorDrivers: readonly DoorDriver[] = [mqttRelay]
