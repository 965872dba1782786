import { incidents, type Values } from './incidents.ts'

/** Values a simulated device reports; `turn` counts its reports, `random` is uniform in [0, 1). */
export type Report = (turn: number, random: () => number) => Values

export interface SimulatedKind {
  /** What people call it. */
  name: { zh: string; en: string }
  /** What a quiet day looks like. Metric names carry their units. */
  quiet: Report
  /** What it reports when something happens, by the name of what happens. */
  incidents: Readonly<Record<string, Values>>
}

const around = (centre: number, spread: number, random: () => number): number =>
  Math.round((centre + (random() - 0.5) * 2 * spread) * 10) / 10

const battery = (turn: number): number => Math.max(5, 100 - Math.floor(turn / 50))

const kind = (zh: string, en: string, quiet: Report, own: Readonly<Record<string, Values>> = {}): SimulatedKind => ({
  name: { zh, en },
  quiet,
  incidents: own,
})

/** Every kind of device of the catalogue. */
export const kinds: Readonly<Record<string, SimulatedKind>> = {
  smoke: kind(
    '烟感',
    'Smoke',
    (turn, random) => ({
      isSmoke: false,
      smokePercentPerMeter: around(0.1, 0.05, random),
      batteryPercent: battery(turn),
    }),
    incidents.smoke,
  ),
  gas: kind(
    '燃气',
    'Gas',
    (_turn, random) => ({ isGas: false, methanePercentLel: around(0.5, 0.4, random) }),
    incidents.gas,
  ),
  'carbon-monoxide': kind(
    '一氧化碳',
    'Carbon monoxide',
    (turn, random) => ({
      isCarbonMonoxide: false,
      carbonMonoxidePpm: Math.round(random() * 4),
      batteryPercent: battery(turn),
    }),
    incidents.carbonMonoxide,
  ),
  'water-leak': kind(
    '水浸',
    'Water leak',
    (turn) => ({ isWet: false, batteryPercent: battery(turn) }),
    incidents.waterLeak,
  ),
  'water-level': kind(
    '水位',
    'Water level',
    (_turn, random) => ({ waterLevelCentimeters: around(2, 1, random) }),
    incidents.waterLevel,
  ),
  climate: kind('温湿度', 'Climate', (_turn, random) => ({
    temperatureCelsius: around(22, 2, random),
    humidityPercent: around(55, 8, random),
  })),
  door: kind(
    '门磁',
    'Door',
    (turn, random) => ({ isOpen: random() < 0.1, batteryPercent: battery(turn) }),
    incidents.door,
  ),
  presence: kind('人体感应', 'Presence', (_turn, random) => ({ isOccupied: random() < 0.4 })),
  'presence-radar': kind(
    '毫米波雷达',
    'Radar',
    (_turn, random) => ({
      isOccupied: true,
      isFallen: false,
      breathRatePerMinute: around(15, 2, random),
      heartRateBpm: around(68, 5, random),
    }),
    incidents.radar,
  ),
  bed: kind(
    '床垫',
    'Bed sensor',
    (_turn, random) => ({
      isInBed: true,
      heartRateBpm: around(60, 4, random),
      breathRatePerMinute: around(14, 2, random),
    }),
    incidents.bed,
  ),
  sos: kind('紧急按钮', 'SOS button', (turn) => ({ batteryPercent: battery(turn) }), incidents.sos),
  wearable: kind(
    '手环',
    'Band',
    (turn, random) => ({
      heartRateBpm: around(72, 6, random),
      oxygenSaturationPercent: Math.round(around(97, 1, random)),
      skinTemperatureCelsius: around(33, 0.6, random),
      stepCount: (turn * 12) % 8000,
      isWorn: true,
      batteryPercent: battery(turn),
    }),
    incidents.wearable,
  ),
  lock: kind('智能门锁', 'Lock', (turn) => ({ lockState: 'locked', batteryPercent: battery(turn) }), incidents.lock),
  manhole: kind(
    '井盖',
    'Manhole',
    (turn, random) => ({ tiltDegrees: around(1, 0.5, random), isMoved: false, batteryPercent: battery(turn) }),
    incidents.manhole,
  ),
  pressure: kind(
    '管网压力',
    'Pipe pressure',
    (_turn, random) => ({ pressureKilopascals: around(420, 15, random) }),
    incidents.pressure,
  ),
  'electricity-meter': kind('电表', 'Electricity meter', (turn, random) => ({
    energyKilowattHours: Math.round(1000 + turn * 0.4),
    powerWatts: around(350, 200, random),
    voltageVolts: around(230, 3, random),
    currentAmperes: around(1.6, 0.9, random),
  })),
  'water-meter': kind(
    '水表',
    'Water meter',
    (turn, random) => ({
      volumeCubicMeters: Math.round(8000 + turn * 2) / 100,
      flowLitersPerHour: around(20, 20, random),
    }),
    incidents.waterMeter,
  ),
  'charging-pile': kind(
    '充电桩',
    'Charging pile',
    (_turn, random) => ({
      currentAmperes: around(2.5, 1, random),
      temperatureCelsius: around(31, 3, random),
      chargingState: 'charging',
    }),
    incidents.chargingPile,
  ),
  'charging-shed': kind(
    '充电棚',
    'Charging shed',
    (_turn, random) => ({
      isSmoke: false,
      smokePercentPerMeter: around(0.1, 0.05, random),
      temperatureCelsius: around(24, 3, random),
    }),
    incidents.chargingShed,
  ),
  bin: kind(
    '垃圾桶',
    'Bin',
    (turn, random) => ({ fillPercent: Math.min(100, (turn * 2) % 80) + Math.round(random() * 3), isTipped: false }),
    incidents.bin,
  ),
  noise: kind('噪声', 'Noise', (_turn, random) => ({ soundLevelDecibels: around(48, 6, random) }), incidents.noise),
  air: kind('空气质量', 'Air', (_turn, random) => ({
    pm25MicrogramsPerCubicMeter: around(30, 12, random),
    pm10MicrogramsPerCubicMeter: around(50, 15, random),
    carbonDioxidePpm: around(600, 80, random),
  })),
  lift: kind(
    '电梯状态',
    'Lift state',
    (turn, random) => ({
      floor: String(1 + (turn % 12)),
      direction: random() < 0.5 ? 'up' : 'none',
      isDoorOpen: random() < 0.2,
      isMoving: random() < 0.3,
      isFault: false,
      isEntrapment: false,
      isFireMode: false,
    }),
    incidents.lift,
  ),
  relay: kind('继电器', 'Relay', () => ({ isOn: false })),
  parking: kind(
    '地锁、地磁',
    'Parking',
    (_turn, random) => ({ isOccupied: random() < 0.3, isLockRaised: true }),
    incidents.parking,
  ),
  'street-light': kind(
    '路灯',
    'Street light',
    (_turn, random) => ({ isOn: true, brightnessPercent: 80, powerWatts: around(60, 3, random), isFault: false }),
    incidents.streetLight,
  ),
}
