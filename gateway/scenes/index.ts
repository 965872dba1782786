import type { SceneDefinition } from '../core/scene.ts'
import { airQuality } from './air-quality.ts'
import { batteryLow } from './battery-low.ts'
import { binFull } from './bin-full.ts'
import { carbonMonoxide } from './carbon-monoxide.ts'
import { chargingPile } from './charging-pile.ts'
import { deviceFault } from './device-fault.ts'
import { deviceSilent } from './device-silent.ts'
import { doorLeftOpen } from './door-left-open.ts'
import { ebikeInElevator } from './ebike-in-elevator.ts'
import { elderBedExit } from './elder-bed-exit.ts'
import { elderFall } from './elder-fall.ts'
import { elderInactivity } from './elder-inactivity.ts'
import { elderNoData } from './elder-no-data.ts'
import { elderVitals } from './elder-vitals.ts'
import { elderWandering } from './elder-wandering.ts'
import { electricityOverload } from './electricity-overload.ts'
import { fireLane } from './fire-lane.ts'
import { gas } from './gas.ts'
import { highRiseThrowing } from './high-rise-throwing.ts'
import { liftState } from './lift-state.ts'
import { manholeMoved } from './manhole-moved.ts'
import { noise } from './noise.ts'
import { pressureLoss } from './pressure-loss.ts'
import { roomClimate } from './room-climate.ts'
import { smoke } from './smoke.ts'
import { sos } from './sos.ts'
import { streetLight } from './street-light.ts'
import { waterLeak } from './water-leak.ts'
import { waterLogging } from './water-logging.ts'
import { waterRunning } from './water-running.ts'

/** Every scene a site may name. */
// biome-ignore lint/suspicious/noExplicitAny: each scene has options of its own, checked against its schema at load
export const sceneDefinitions: readonly SceneDefinition<any>[] = [
  ebikeInElevator,
  highRiseThrowing,
  smoke,
  gas,
  carbonMonoxide,
  waterLeak,
  waterRunning,
  waterLogging,
  chargingPile,
  electricityOverload,
  doorLeftOpen,
  binFull,
  manholeMoved,
  pressureLoss,
  liftState,
  fireLane,
  streetLight,
  noise,
  airQuality,
  roomClimate,
  deviceSilent,
  deviceFault,
  batteryLow,
  sos,
  elderFall,
  elderVitals,
  elderInactivity,
  elderBedExit,
  elderWandering,
  elderNoData,
]
