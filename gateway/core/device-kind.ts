/** What a metric may be. Numbers outside the range come from a broken sensor, not from the world. */
export interface MetricDescription {
  type: 'number' | 'boolean' | 'text'
  /** As people read it; absent for booleans and texts. */
  unit?: string
  range?: readonly [number, number]
}

const number = (unit: string, minimum: number, maximum: number): MetricDescription => ({
  type: 'number',
  unit,
  range: [minimum, maximum],
})
const boolean: MetricDescription = { type: 'boolean' }
const text: MetricDescription = { type: 'text' }

/** Every metric, whoever measures it. Codecs produce these names, scenes and charts read them. */
export const metrics = {
  isSmoke: boolean,
  smokePercentPerMeter: number('%/m', 0, 100),
  isGas: boolean,
  methanePercentLel: number('%LEL', 0, 100),
  isCarbonMonoxide: boolean,
  carbonMonoxidePpm: number('ppm', 0, 10_000),
  isWet: boolean,
  waterLevelCentimeters: number('cm', -50, 2_000),
  temperatureCelsius: number('°C', -60, 250),
  humidityPercent: number('%', 0, 100),
  pressureHectopascals: number('hPa', 300, 1_200),
  isOpen: boolean,
  isOccupied: boolean,
  isMotion: boolean,
  illuminanceLux: number('lx', 0, 200_000),
  distanceMeters: number('m', 0, 500),
  isFallen: boolean,
  isInBed: boolean,
  heartRateBpm: number('/min', 0, 300),
  breathRatePerMinute: number('/min', 0, 100),
  oxygenSaturationPercent: number('%', 0, 100),
  skinTemperatureCelsius: number('°C', 0, 60),
  stepCount: number('', 0, 1_000_000),
  isWorn: boolean,
  /** A press: `single`, `double`, `long` or `emergency`. */
  sosPress: text,
  /** The wearer said "I am fine" on the band. */
  isCancelled: boolean,
  /** `locked`, `unlocked` or `jammed`. */
  lockState: text,
  unlockedBy: text,
  tiltDegrees: number('°', 0, 180),
  isMoved: boolean,
  pressureKilopascals: number('kPa', -100, 10_000),
  energyKilowattHours: number('kWh', 0, 1e9),
  powerWatts: number('W', -1e6, 1e6),
  voltageVolts: number('V', 0, 1_000),
  currentAmperes: number('A', -1_000, 1_000),
  volumeCubicMeters: number('m³', 0, 1e9),
  flowLitersPerHour: number('L/h', 0, 1e6),
  /** `idle`, `charging`, `finished` or `fault`. */
  chargingState: text,
  fillPercent: number('%', 0, 100),
  isTipped: boolean,
  soundLevelDecibels: number('dB', 0, 160),
  pm25MicrogramsPerCubicMeter: number('µg/m³', 0, 2_000),
  pm10MicrogramsPerCubicMeter: number('µg/m³', 0, 2_000),
  carbonDioxidePpm: number('ppm', 0, 40_000),
  floor: text,
  /** `up`, `down` or `none`. */
  direction: text,
  isAtLanding: boolean,
  isDoorOpen: boolean,
  isMoving: boolean,
  isFireMode: boolean,
  isFireService: boolean,
  isFault: boolean,
  isEntrapment: boolean,
  isInspection: boolean,
  isSosPressed: boolean,
  isPersonDown: boolean,
  isWheelchairPresent: boolean,
  isLockRaised: boolean,
  isOn: boolean,
  brightnessPercent: number('%', 0, 100),
  isTampered: boolean,
  isMuted: boolean,
  isTest: boolean,
  batteryPercent: number('%', 0, 100),
  batteryVolts: number('V', 0, 60),
  isBatteryLow: boolean,
  signalDbm: number('dBm', -150, 20),
  linkQuality: number('', 0, 255),
} as const satisfies Record<string, MetricDescription>

export type Metric = keyof typeof metrics

/** What every device may report about itself, beside its kind's metrics. */
export const commonMetrics = [
  'batteryPercent',
  'batteryVolts',
  'isBatteryLow',
  'signalDbm',
  'linkQuality',
  'isTampered',
  'isTest',
  'isFault',
] as const satisfies readonly Metric[]

/**
 * What a lift's interface (dry contacts, Modbus, BACnet) or another sense can tell, as metrics of a device in that lift.
 * The first two must be true for a hold; each of the others forbids it.
 */
export const liftSignals = [
  'isAtLanding',
  'isDoorOpen',
  'isMoving',
  'isFireMode',
  'isFireService',
  'isFault',
  'isEntrapment',
  'isInspection',
  'isSosPressed',
  'isPersonDown',
  'isWheelchairPresent',
] as const satisfies readonly Metric[]

export interface DeviceKind {
  name: { zh: string; en: string }
  /** Metrics by which the kind is known; a device may lack some and bring common ones. */
  metrics: readonly Metric[]
  /** A failure or silence of such a device endangers somebody. */
  isLifeSafety?: true
}

/** The kinds of devices a site file may name. */
export const deviceKinds = {
  smoke: {
    name: { zh: '烟感', en: 'Smoke detector' },
    metrics: ['isSmoke', 'smokePercentPerMeter', 'temperatureCelsius', 'isMuted'],
    isLifeSafety: true,
  },
  gas: {
    name: { zh: '燃气探测器', en: 'Gas detector' },
    metrics: ['isGas', 'methanePercentLel'],
    isLifeSafety: true,
  },
  'carbon-monoxide': {
    name: { zh: '一氧化碳探测器', en: 'Carbon monoxide detector' },
    metrics: ['isCarbonMonoxide', 'carbonMonoxidePpm'],
    isLifeSafety: true,
  },
  'water-leak': { name: { zh: '水浸', en: 'Water leak sensor' }, metrics: ['isWet', 'temperatureCelsius'] },
  'water-level': { name: { zh: '水位', en: 'Water level gauge' }, metrics: ['waterLevelCentimeters'] },
  climate: {
    name: { zh: '温湿度', en: 'Climate sensor' },
    metrics: ['temperatureCelsius', 'humidityPercent', 'pressureHectopascals'],
  },
  door: { name: { zh: '门磁', en: 'Door contact' }, metrics: ['isOpen'] },
  presence: { name: { zh: '人体感应', en: 'Presence sensor' }, metrics: ['isOccupied', 'isMotion', 'illuminanceLux'] },
  'presence-radar': {
    name: { zh: '毫米波雷达', en: 'Presence and fall radar' },
    metrics: ['isOccupied', 'isFallen', 'breathRatePerMinute', 'heartRateBpm', 'distanceMeters', 'illuminanceLux'],
    isLifeSafety: true,
  },
  bed: {
    name: { zh: '床垫', en: 'Bed sensor' },
    metrics: ['isInBed', 'heartRateBpm', 'breathRatePerMinute'],
    isLifeSafety: true,
  },
  sos: { name: { zh: '紧急按钮', en: 'SOS button' }, metrics: ['sosPress'], isLifeSafety: true },
  wearable: {
    name: { zh: '手环', en: 'Wearable band' },
    metrics: [
      'heartRateBpm',
      'oxygenSaturationPercent',
      'skinTemperatureCelsius',
      'stepCount',
      'isWorn',
      'sosPress',
      'isFallen',
      'isCancelled',
    ],
    isLifeSafety: true,
  },
  lock: { name: { zh: '智能门锁', en: 'Smart lock' }, metrics: ['lockState', 'unlockedBy', 'isOpen'] },
  manhole: {
    name: { zh: '井盖', en: 'Manhole cover' },
    metrics: ['tiltDegrees', 'isMoved', 'waterLevelCentimeters'],
  },
  pressure: { name: { zh: '管网压力', en: 'Hydrant or pipe pressure' }, metrics: ['pressureKilopascals'] },
  'electricity-meter': {
    name: { zh: '电表', en: 'Electricity meter' },
    metrics: ['energyKilowattHours', 'powerWatts', 'voltageVolts', 'currentAmperes'],
  },
  'water-meter': { name: { zh: '水表', en: 'Water meter' }, metrics: ['volumeCubicMeters', 'flowLitersPerHour'] },
  'charging-pile': {
    name: { zh: '充电桩', en: 'Charging pile' },
    metrics: ['currentAmperes', 'powerWatts', 'temperatureCelsius', 'energyKilowattHours', 'chargingState'],
    isLifeSafety: true,
  },
  'charging-shed': {
    name: { zh: '充电棚', en: 'Charging shed' },
    metrics: ['isSmoke', 'smokePercentPerMeter', 'temperatureCelsius'],
    isLifeSafety: true,
  },
  bin: { name: { zh: '垃圾桶', en: 'Bin' }, metrics: ['fillPercent', 'isTipped', 'temperatureCelsius'] },
  noise: { name: { zh: '噪声', en: 'Noise' }, metrics: ['soundLevelDecibels'] },
  air: {
    name: { zh: '空气质量', en: 'Air quality' },
    metrics: [
      'pm25MicrogramsPerCubicMeter',
      'pm10MicrogramsPerCubicMeter',
      'carbonDioxidePpm',
      'temperatureCelsius',
      'humidityPercent',
    ],
  },
  lift: {
    name: { zh: '电梯状态', en: 'Lift state' },
    metrics: ['floor', 'direction', ...liftSignals],
    isLifeSafety: true,
  },
  relay: { name: { zh: '继电器', en: 'Relay' }, metrics: ['isOn'] },
  parking: {
    name: { zh: '车位地锁、消防通道地磁', en: 'Parking lock or fire-lane sensor' },
    metrics: ['isOccupied', 'isLockRaised'],
  },
  'street-light': {
    name: { zh: '路灯', en: 'Street light' },
    metrics: ['isOn', 'brightnessPercent', 'powerWatts', 'isFault'],
  },
} as const satisfies Record<string, DeviceKind>

export type DeviceKindName = keyof typeof deviceKinds

export function describeMetric(metric: string): MetricDescription | undefined {
  return Object.hasOwn(metrics, metric) ? metrics[metric as Metric] : undefined
}

export function describeKind(kind: string): DeviceKind | undefined {
  return Object.hasOwn(deviceKinds, kind) ? deviceKinds[kind as DeviceKindName] : undefined
}
