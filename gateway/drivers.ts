import type { DriverSchemas } from './config/schema.ts'
import { codecs } from './devices/codecs/index.ts'
import { doorDrivers } from './doors/index.ts'
import { notifierDrivers } from './notifiers/index.ts'
import { sceneDefinitions } from './scenes/index.ts'
import { speakerDrivers } from './speakers/index.ts'

/** Every driver a site file may name, with its options: the lists of the driver folders side by side. */
export const driverSchemas: DriverSchemas = {
  speakers: speakerDrivers,
  scenes: sceneDefinitions,
  doors: doorDrivers,
  notifiers: notifierDrivers,
  codecs,
}
