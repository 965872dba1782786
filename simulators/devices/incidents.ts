export type Values = Record<string, number | boolean | string>

/** What devices report when something happens. Names are what people would say happened. */
export const incidents = {
  smoke: {
    smoke: { isSmoke: true, smokePercentPerMeter: 6.5, temperatureCelsius: 41 },
    clear: { isSmoke: false, smokePercentPerMeter: 0.1, temperatureCelsius: 22 },
    'battery-low': { isBatteryLow: true, batteryPercent: 6 },
  },
  gas: { leak: { isGas: true, methanePercentLel: 12 }, clear: { isGas: false, methanePercentLel: 0.5 } },
  carbonMonoxide: {
    leak: { isCarbonMonoxide: true, carbonMonoxidePpm: 180 },
    clear: { isCarbonMonoxide: false, carbonMonoxidePpm: 2 },
  },
  waterLeak: { leak: { isWet: true }, clear: { isWet: false } },
  waterLevel: { overflow: { waterLevelCentimeters: 48 }, rising: { waterLevelCentimeters: 18 } },
  door: { open: { isOpen: true }, close: { isOpen: false } },
  radar: { fall: { isFallen: true, isOccupied: true }, up: { isFallen: false } },
  bed: { 'out-of-bed': { isInBed: false }, 'back-in-bed': { isInBed: true } },
  sos: { sos: { sosPress: 'emergency' }, press: { sosPress: 'single' } },
  wearable: {
    sos: { sosPress: 'long' },
    fall: { isFallen: true, heartRateBpm: 104 },
    cancel: { isCancelled: true },
    'fast-heart': { heartRateBpm: 138 },
    'low-oxygen': { oxygenSaturationPercent: 88 },
    'taken-off': { isWorn: false },
  },
  lock: { unlock: { lockState: 'unlocked', unlockedBy: 'key' }, jam: { lockState: 'jammed' } },
  manhole: { moved: { tiltDegrees: 35, isMoved: true }, flood: { waterLevelCentimeters: 120 } },
  pressure: { loss: { pressureKilopascals: 60 } },
  waterMeter: { burst: { flowLitersPerHour: 2400 } },
  chargingPile: {
    overheat: { temperatureCelsius: 82, currentAmperes: 9 },
    overload: { currentAmperes: 16, powerWatts: 3500 },
    fault: { chargingState: 'fault' },
  },
  chargingShed: { smoke: { isSmoke: true, smokePercentPerMeter: 7, temperatureCelsius: 58 } },
  bin: { full: { fillPercent: 97 }, tipped: { isTipped: true }, fire: { temperatureCelsius: 85 } },
  noise: { loud: { soundLevelDecibels: 88 } },
  lift: {
    entrapment: { isEntrapment: true, isDoorOpen: false, isMoving: false, isPersonDown: false },
    fault: { isFault: true },
    'fire-mode': { isFireMode: true },
    freed: { isEntrapment: false, isDoorOpen: true },
  },
  parking: { blocked: { isOccupied: true } },
  streetLight: { broken: { isOn: false, isFault: true, powerWatts: 0 } },
} as const satisfies Record<string, Record<string, Values>>
