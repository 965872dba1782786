import type { DeviceRow, SiteView } from './api/schemas/index.ts'
import type { DeviceEntry, SiteConfig } from './config/site.ts'
import { problemsInWords } from './core/field-words.ts'
import type { Place } from './core/place.ts'
import type { FieldProblem } from './core/registration.ts'
import type { DeviceRegistry } from './devices/registry.ts'
import type { Trends } from './telemetry-trends.ts'

/** The site as people read it: names in both languages, by id. */
export function siteView(config: SiteConfig): SiteView {
  const { site, buildings, lifts, cameras, speakers, doors, notifiers, disposal } = config
  return {
    id: site.id,
    name: site.name,
    languages: site.language === 'en' ? ['en', 'zh-CN'] : ['zh-CN', 'en'],
    buildings: buildings.map(({ id, name }) => ({ id, name })),
    lifts: lifts.map(({ id, name, building }) => ({
      id,
      name,
      building,
      ...(doors.some(({ lift }) => lift === id) ? { hasDoorHold: true } : {}),
    })),
    cameras: cameras.map(({ id, name, place }) => ({
      id,
      name,
      ...(place.building ? { building: place.building } : {}),
      ...(place.lift ? { lift: place.lift } : {}),
    })),
    speakers: speakers.map(({ id, name, place }) => ({ id, name, ...(place.lift ? { lift: place.lift } : {}) })),
    notifiers: notifiers.map(({ id, name }) => ({ id, name })),
    disposal: disposal.map(({ key, name, severity, unit, code }) => ({
      key,
      name,
      severity,
      unit,
      ...(code ? { code } : {}),
    })),
  }
}

/** What the devices page shows: what is written of them, with what the registry knows now. */
export function deviceRows(
  devices: readonly DeviceEntry[],
  registry: Pick<DeviceRegistry, 'get'>,
  more: {
    isOfSiteFile(id: string): boolean
    problemsOf(id: string): readonly FieldProblem[] | undefined
    elderOf(id: string): string | undefined
    trends: Trends
  },
): DeviceRow[] {
  return devices.map(({ id, kind, name, place, codec, address, groups, heartbeatMs }) => {
    const state = registry.get(id)
    const values = state?.values ?? {}
    const problems = more.problemsOf(id)
    const elder = more.elderOf(id)
    const { batteryPercent: percent, isBatteryLow: isLow } = values
    const metric = (['signalDbm', 'linkQuality'] as const).find((name) => typeof values[name] === 'number')
    const battery = typeof percent === 'number' ? more.trends.of(id, 'batteryPercent') : undefined
    const signal = metric && more.trends.of(id, metric)
    return {
      id,
      kind,
      name,
      place,
      codec,
      groups,
      heartbeatMs,
      definedBy: more.isOfSiteFile(id) ? 'site-file' : 'console',
      ...(address === undefined ? {} : { address }),
      ...(problems === undefined ? {} : { problem: problemsInWords(problems), problems }),
      ...(elder === undefined ? {} : { elder }),
      isUp: state?.isUp === true,
      ...(state?.lastSeenAt === undefined ? {} : { lastSeenAt: state.lastSeenAt }),
      values: Object.fromEntries(
        Object.entries(values).map(([metric, value]) => [metric, { value, at: state?.lastSeenAt ?? 0 }]),
      ),
      ...(typeof percent === 'number' || typeof isLow === 'boolean'
        ? {
            battery: {
              ...(typeof percent === 'number' ? { percent } : {}),
              ...(typeof isLow === 'boolean' ? { isLow } : {}),
              ...(battery ? { changePercent: battery.change, days: battery.days } : {}),
            },
          }
        : {}),
      ...(metric ? { signal: { metric, value: values[metric] as number, ...signal } } : {}),
    }
  })
}

/** Name of an alarm's kind: that of the disposal list, else the kind itself. */
export function kindWords({ disposal }: SiteConfig, kind: string): { zh: string; en: string } {
  return disposal.find(({ key }) => key === kind)?.name ?? { zh: kind, en: kind }
}

/** A place in both languages, down to the home: for people who are sent there, never for the city. */
export function placeWords(config: SiteConfig, place: Place): { zh: string; en: string } {
  const lift = config.lifts.find(({ id }) => id === place.lift)
  if (lift) return lift.name
  const building = config.buildings.find(({ id }) => id === place.building)
  const unit = building?.units.find(({ id }) => id === place.unit)
  if (!building) return config.site.name
  const zh = [building.name.zh, unit?.name.zh, place.floor && `${place.floor} 层`, place.flat && `${place.flat} 室`]
  const en = [
    place.flat && `flat ${place.flat}`,
    place.floor && `floor ${place.floor}`,
    unit?.name.en,
    building.name.en,
  ]
  return { zh: zh.filter(Boolean).join(' '), en: en.filter(Boolean).join(', ') }
}

/** A place in words, from the largest part to the smallest. */
export function describePlace(config: SiteConfig, place: Place): string {
  const lift = config.lifts.find(({ id }) => id === place.lift)
  if (lift) return lift.name.zh
  const building = config.buildings.find(({ id }) => id === place.building)
  const unit = building?.units.find(({ id }) => id === place.unit)
  return [building?.name.zh, unit?.name.zh, place.floor && `${place.floor} 层`].filter(Boolean).join(' ')
}
