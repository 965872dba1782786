import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Phrase } from '../core/alarm.ts'
import { type FieldWord, wrongField } from '../core/field-words.ts'
import type { Weekday } from '../core/person.ts'
import type { Place } from '../core/place.ts'
import type { Zone } from '../core/zone.ts'
import { readDisposalList, withOverrides } from './disposal.ts'
import { resolveIntegrations } from './resolve-integrations.ts'
import { resolvePeople } from './resolve-people.ts'
import { resolveScenes } from './resolve-scenes.ts'
import type { WrittenSite } from './schema.ts'
import type { SecretRef } from './schema-entries.ts'
import type { CameraEntry, SiteConfig } from './site.ts'

export type Path = Array<string | number>
export type Report = (path: Path, message: string, phrase?: Phrase) => void

export interface ResolveContext {
  file: string
  /** Folder of the site file: relative paths in it count from here. */
  folder: string
  /** Every codec there is. */
  codecs: readonly string[]
  secret(reference: SecretRef | undefined, path: Path): string | undefined
  report: Report
}

const dayMs = 24 * 3600_000

/**
 * Checks what a schema cannot (references, duplicates, exposure) and turns the written file into what the gateway is
 * built from: places complete, durations in ms, paths absolute, secrets read. Problems go to `context.report`.
 */
export function resolveSite(written: WrittenSite, context: ResolveContext): SiteConfig {
  const { report, secret, folder } = context
  for (const list of [
    ...(['buildings', 'lifts', 'cameras', 'devices', 'speakers'] as const),
    ...(['notifiers', 'people', 'rotas', 'chains', 'elders'] as const),
  ])
    reportDuplicates(written[list] as ReadonlyArray<{ id: string }>, list, report)
  reportDuplicates(
    written.upstreams.map(({ name }) => ({ id: name })),
    'upstreams',
    report,
  )
  for (const list of ['bridges', 'push', 'modbus'] as const)
    reportDuplicates(written.integrations[list], `integrations.${list}`, report)
  reportAddresses(written.devices, report)
  const place = createPlaceResolver(written, report)
  for (const [index, row] of written.routing.entries())
    for (const id of row.speakers ?? [])
      if (!written.speakers.some((speaker) => speaker.id === id))
        report(['routing', index, 'speakers'], `there is no speaker "${id}"`)
  for (const [index, door] of written.doors.entries())
    if (!written.lifts.some((lift) => lift.id === door.lift))
      report(['doors', index, 'lift'], `there is no lift "${door.lift}"`)
  if (!isTimeZone(written.site.timeZone))
    report(['site', 'timeZone'], `"${written.site.timeZone}" is no time zone; write an IANA name like Asia/Shanghai`)
  if (!isLoopback(written.http.host) && !written.http.tls)
    report(['http', 'host'], 'listens beyond loopback without tls; configure http.tls or a reverse proxy on loopback')

  const { external, ...mqtt } = written.mqtt
  const externalPassword = secret(external?.password, ['mqtt', 'external', 'password'])
  const { metricsToken, ...http } = written.http
  const foundMetricsToken = secret(metricsToken, ['http', 'metricsToken'])
  const { influx } = written.telemetry
  const influxToken = secret(influx?.token, ['telemetry', 'influx', 'token'])
  const { voiceDir, ...rest } = written
  return {
    ...rest,
    ...resolvePeople(written, report, place),
    file: context.file,
    dataDir: resolve(written.dataDir),
    http: { ...http, ...(foundMetricsToken === undefined ? {} : { metricsToken: foundMetricsToken }) },
    mqtt: {
      ...mqtt,
      ...(external
        ? {
            external: {
              url: external.url,
              ...(external.username ? { username: external.username } : {}),
              ...(externalPassword === undefined ? {} : { password: externalPassword }),
            },
          }
        : {}),
    },
    cameras: written.cameras.map((camera, index): CameraEntry => {
      const { evidenceSeconds, stallSeconds, password, ...kept } = camera
      const found = secret(password, ['cameras', index, 'password'])
      for (const key of ['url', 'subUrl'] as const)
        if (/^rtsps?:\/\/[^/]*@/.test(camera[key] ?? ''))
          report(['cameras', index, key], 'holds credentials; write username and password as keys of their own')
      return {
        ...kept,
        url: camera.url.startsWith('file:')
          ? pathToFileURL(resolve(folder, camera.url.slice(5).replace(/^\/\/(?=\/)/, ''))).href
          : camera.url,
        place: place(camera.place, ['cameras', index, 'place']),
        evidenceMs: evidenceSeconds * 1000,
        stallMs: stallSeconds * 1000,
        ignoreZones: camera.ignoreZones as unknown as Zone[],
        ...(found === undefined ? {} : { password: found }),
      }
    }),
    devices: written.devices.map(({ heartbeatSeconds, ...device }, index) => ({
      heartbeatMs: heartbeatSeconds * 1000,
      ...device,
      kind: String(device.kind),
      codec: String(device.codec),
      place: place(device.place, ['devices', index, 'place']),
    })),
    integrations: resolveIntegrations(written, context.codecs, context),
    speakers: written.speakers.map((speaker, index) => ({
      ...speaker,
      driver: String(speaker.driver),
      place: place(speaker.place, ['speakers', index, 'place']),
    })),
    scenes: resolveScenes(written, report),
    doors: written.doors.map((door) => ({ ...door, driver: String(door.driver) })),
    models: models(written, folder),
    learning: learning(written),
    selfTest: selfTest(written, report),
    disposal: withOverrides(readDisposalList(), written.disposal, (index, message) =>
      report(['disposal', index], message),
    ),
    upstreams: written.upstreams.map(({ pollSeconds, ...upstream }, index) => ({
      ...upstream,
      secret: secret(upstream.secret, ['upstreams', index, 'secret']) ?? '',
      pollMs: pollSeconds * 1000,
    })),
    telemetry: influx
      ? {
          influx: {
            url: influx.url,
            org: influx.org,
            bucket: influx.bucket,
            queryLanguage: influx.queryLanguage,
            maxBufferedPoints: influx.maxBufferedPoints,
            ...(influxToken === undefined ? {} : { token: influxToken }),
          },
        }
      : {},
    retention: {
      evidenceMs: written.retention.evidenceDays * dayMs,
      telemetryMs: written.retention.telemetryDays * dayMs,
      telemetryMinuteMs: written.retention.telemetryMinuteDays * dayMs,
      telemetryHourMs: written.retention.telemetryHourDays * dayMs,
    },
    log: { level: written.log.level as SiteConfig['log']['level'] },
    ...(voiceDir === undefined ? {} : { voiceDir: resolve(folder, voiceDir) }),
  }
}

/** What a place may name. */
export interface Places {
  site: { id: string; gridCell?: string }
  buildings: ReadonlyArray<{ id: string; gridCell?: string; units: ReadonlyArray<{ id: string }> }>
  lifts: ReadonlyArray<{ id: string; building: string; unit?: string }>
}

/** Makes references complete places: a lift brings its building and unit, a building its grid cell. */
export function createPlaceResolver(written: Places, report: Report) {
  const reportField = (path: Path, key: FieldWord, parameters?: Record<string, string>) => {
    const { message, phrase } = wrongField(key, parameters)
    report(path, message, phrase)
  }
  const lifts = new Map(written.lifts.map((lift) => [lift.id, lift]))
  const buildings = new Map(written.buildings.map((building) => [building.id, building]))

  const checkBuilding = (reference: { building?: string; unit?: string }, path: Path) => {
    if (reference.building === undefined) {
      if (reference.unit !== undefined) reportField([...path, 'unit'], 'unit-alone')
      return
    }
    const building = buildings.get(reference.building)
    if (!building) reportField([...path, 'building'], 'no-building', { building: reference.building })
    else if (reference.unit !== undefined && !building.units.some((unit) => unit.id === reference.unit))
      reportField([...path, 'unit'], 'no-unit', { building: reference.building, unit: reference.unit })
  }
  for (const [index, lift] of written.lifts.entries()) checkBuilding(lift, ['lifts', index])

  return (reference: Omit<Place, 'site'>, path: Path): Place => {
    const lift = reference.lift === undefined ? undefined : lifts.get(reference.lift)
    if (reference.lift !== undefined && !lift) reportField([...path, 'lift'], 'no-lift', { lift: reference.lift })
    else checkBuilding(reference, path)
    const building = reference.building ?? lift?.building
    const unit = reference.unit ?? lift?.unit
    const gridCell = (building && buildings.get(building)?.gridCell) || written.site.gridCell
    return {
      site: written.site.id,
      ...(building ? { building } : {}),
      ...(unit ? { unit } : {}),
      ...(reference.floor ? { floor: reference.floor } : {}),
      ...(reference.lift ? { lift: reference.lift } : {}),
      ...(reference.flat ? { flat: reference.flat } : {}),
      ...(gridCell ? { gridCell } : {}),
    }
  }
}

/** Two devices with one name in a family: every message would be the first one's. */
function reportAddresses(
  devices: ReadonlyArray<{ codec: string; address?: string; topic?: string }>,
  report: Report,
): void {
  const seen = new Map<string, number>()
  for (const [index, { codec, address, topic }] of devices.entries()) {
    for (const [key, value] of Object.entries({ address, topic })) {
      if (value === undefined) continue
      const name = key === 'topic' ? value : `${codec}\0${value.toLowerCase()}`
      const first = seen.get(name)
      if (first === undefined) seen.set(name, index)
      else report(['devices', index, key], `"${value}" is taken by devices[${first}]`)
    }
  }
}

function models({ models: written }: WrittenSite, folder: string): SiteConfig['models'] {
  const { publicKey, shadow, rollBack, ...kept } = written
  const { factor, minimumAlarms, baselineDays, watchHours } = rollBack
  return {
    ...kept,
    dir: resolve(written.dir),
    ...(publicKey === undefined ? {} : { publicKey: resolve(folder, publicKey) }),
    ...(shadow ? { shadow } : {}),
    rollBack: { factor, minimumAlarms, baselineMs: baselineDays * dayMs, watchMs: watchHours * 3600_000 },
  }
}

function selfTest({ selfTest: entry, speakers, people }: WrittenSite, report: Report): SiteConfig['selfTest'] {
  for (const [list, known, what] of [
    ['speakers', speakers, 'speaker'],
    ['people', people, 'person'],
  ] as const)
    for (const [index, id] of (entry[list] ?? []).entries())
      if (!known.some((each) => each.id === id)) report(['selfTest', list, index], `there is no ${what} "${id}"`)
  return { ...entry, day: entry.day as Weekday }
}

function learning({ learning: { keepDays, ...kept } }: WrittenSite): SiteConfig['learning'] {
  return { ...kept, keepMs: keepDays * dayMs }
}

function reportDuplicates(entries: ReadonlyArray<{ id: string }>, list: string, report: Report): void {
  const seen = new Map<string, number>()
  for (const [index, { id }] of entries.entries()) {
    const first = seen.get(id)
    if (first === undefined) seen.set(id, index)
    else report([list, index], `"${id}" is taken by ${list}[${first}]`)
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** Whether a listening address stays on this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}
