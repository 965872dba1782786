import type { DeviceRow, SiteView } from './api/schemas/index.ts'
import type { SiteConfig } from './config/site.ts'
import type { Place } from './core/place.ts'
import type { DeviceRegistry } from './devices/registry.ts'

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

/** What the devices page shows: configured names with what the registry knows now. */
export function deviceRows(config: SiteConfig, registry: DeviceRegistry): DeviceRow[] {
  return config.devices.map(({ id, kind, name, place }) => {
    const state = registry.get(id)
    return {
      id,
      kind,
      name,
      place,
      isUp: state?.isUp === true,
      ...(state?.lastSeenAt === undefined ? {} : { lastSeenAt: state.lastSeenAt }),
      values: Object.fromEntries(
        Object.entries(state?.values ?? {}).map(([metric, value]) => [metric, { value, at: state?.lastSeenAt ?? 0 }]),
      ),
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
