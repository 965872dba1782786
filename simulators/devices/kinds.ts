/** Values a simulated device reports; `turn` counts its reports, `random` is uniform in [0, 1). */
export type Report = (turn: number, random: () => number) => Record<string, number | boolean | string>

const around = (centre: number, spread: number, random: () => number): number =>
  Math.round((centre + (random() - 0.5) * 2 * spread) * 10) / 10

const battery = (turn: number): number => Math.max(5, 100 - Math.floor(turn / 50))

/** What people call them. */
export const kindNames: Record<string, { zh: string; en: string }> = {
  smoke: { zh: '烟感', en: 'Smoke' },
  gas: { zh: '燃气', en: 'Gas' },
  'water-leak': { zh: '水浸', en: 'Water leak' },
  'water-level': { zh: '水位', en: 'Water level' },
  climate: { zh: '温湿度', en: 'Climate' },
  door: { zh: '门磁', en: 'Door' },
  presence: { zh: '人体感应', en: 'Presence' },
  'charging-pile': { zh: '充电桩', en: 'Charging pile' },
  bin: { zh: '垃圾桶', en: 'Bin' },
  noise: { zh: '噪声', en: 'Noise' },
}

/** What a quiet day looks like for each kind of sensor. Metric names carry their units. */
export const quietDay: Record<string, Report> = {
  smoke: (turn, random) => ({ smokePercentPerMeter: around(0.1, 0.05, random), batteryPercent: battery(turn) }),
  gas: (_turn, random) => ({ methanePercentLel: around(0.5, 0.4, random) }),
  'water-leak': (turn) => ({ isWet: false, batteryPercent: battery(turn) }),
  'water-level': (_turn, random) => ({ waterLevelCentimeters: around(2, 1, random) }),
  climate: (_turn, random) => ({ temperatureCelsius: around(22, 2, random), humidityPercent: around(55, 8, random) }),
  door: (turn, random) => ({ isOpen: random() < 0.1, batteryPercent: battery(turn) }),
  presence: (_turn, random) => ({ isOccupied: random() < 0.4 }),
  'charging-pile': (_turn, random) => ({
    currentAmperes: around(2.5, 1, random),
    temperatureCelsius: around(31, 3, random),
  }),
  bin: (turn, random) => ({ fillPercent: Math.min(100, (turn * 2) % 80) + Math.round(random() * 3) }),
  noise: (_turn, random) => ({ soundLevelDecibels: around(48, 6, random) }),
}
