import type { TObject } from 'typebox'
import { Value } from 'typebox/value'
import type { SceneConfig, SiteConfig } from './config/site.ts'
import type { Elder } from './core/elder.ts'
import type { Place } from './core/place.ts'
import type { SceneDefinition, SceneTarget, TargetDevice } from './core/scene.ts'
import { createLocalClock, type LocalTime } from './core/schedule.ts'
import type { RunningScene } from './scene-index.ts'
import { sceneDefinitions } from './scenes/index.ts'

/** What scenes are built from. */
export type SceneSite = Pick<SiteConfig, 'lifts' | 'buildings' | 'cameras' | 'scenes'> & {
  site: { id: string; gridCell?: string; timeZone?: string }
  devices: ReadonlyArray<Pick<SiteConfig['devices'][number], 'id' | 'kind' | 'place' | 'heartbeatMs' | 'elder'>>
  elders?: readonly Elder[]
}

type Definition = SceneDefinition<unknown>

/** Who may be named by a scene's entry. */
interface Named {
  lift?: string
  device?: string
  elder?: string
  place: Place
}

const shanghai = 'Asia/Shanghai'

/** A scene that is to run: what it is built from. */
interface PlannedScene {
  id: string
  definition: Definition
  entry: SceneConfig
  target: SceneTarget
  metrics?: ReadonlySet<string>
}

/** The scenes that run, and what becomes of them when devices come and go. */
export interface SceneSet {
  /** At the start. */
  readonly initial: readonly RunningScene[]
  /**
   * The scenes of these devices instead of those before. Untouched are those that watch the same as before; `touched` are
   * devices that are described anew: scenes that watch them begin anew.
   */
  change(devices: SceneSite['devices'], touched: ReadonlySet<string>): { gone: RunningScene[]; come: RunningScene[] }
}

/**
 * Every scene of the site: those that run by default for all devices and elders they fit, as the entries of the site
 * file change them, and those that run only where an entry says so.
 */
export function runningScenes(site: SceneSite): RunningScene[] {
  return [...createSceneSet(site).initial]
}

/** As runningScenes, for a site whose devices change while it runs. */
export function createSceneSet(site: SceneSite): SceneSet {
  const planner = createPlanner(site)
  const running = new Map<string, { planned: PlannedScene; scene: RunningScene }>()
  for (const planned of planner(site.devices)) running.set(planned.id, { planned, scene: build(planned, site) })
  return {
    initial: Array.from(running.values(), ({ scene }) => scene),
    change(devices, touched) {
      const gone: RunningScene[] = []
      const come: RunningScene[] = []
      const left = new Set(running.keys())
      for (const planned of planner(devices)) {
        left.delete(planned.id)
        const before = running.get(planned.id)
        if (before && isSame(before.planned, planned) && !planned.target.devices.some(({ id }) => touched.has(id)))
          continue
        if (before) gone.push(before.scene)
        const scene = build(planned, site)
        come.push(scene)
        running.set(planned.id, { planned, scene })
      }
      for (const id of left) {
        gone.push(running.get(id)!.scene)
        running.delete(id)
      }
      return { gone, come }
    },
  }
}

function isSame(one: PlannedScene, other: PlannedScene): boolean {
  const [before, now] = [one.target.devices, other.target.devices]
  return (
    one.entry === other.entry && before.length === now.length && before.every(({ id }, index) => id === now[index]!.id)
  )
}

function build({ id, definition, entry, target, metrics }: PlannedScene, site: SceneSite): RunningScene {
  return {
    kind: definition.kind,
    id,
    scene: definition.create(withZones(entry.options, site, target), target),
    cameras: target.cameras,
    devices: target.devices.map((device) => device.id),
    ...(metrics ? { metrics } : {}),
  }
}

/** What may run; asked with the devices there are. */
function createPlanner(site: SceneSite): (devices: SceneSite['devices']) => PlannedScene[] {
  const localTime = createLocalClock(site.site.timeZone ?? shanghai)
  // Made once: an entry that is the same object is the same entry.
  const definitions = sceneDefinitions.map((definition) => ({
    definition,
    defaults: {
      scene: definition.kind,
      lifts: [],
      options: Value.Default(definition.options as TObject, {}),
    } satisfies SceneConfig,
  }))
  return (given) => {
    const devices = given.map((device): TargetDevice => {
      const { id, kind, place, heartbeatMs } = device
      const { bridge } = device as { bridge?: string }
      return { id, kind, place, heartbeatMs, ...(bridge === undefined ? {} : { bridge }) }
    })
    const byDevice = new Map(devices.map((device) => [device.id, device]))
    const elders = withTheirDevices(site.elders ?? [], given)
    const owned = new Set(elders.flatMap((elder) => elder.devices))
    const known: Known = { site, devices, byDevice, elders, owned, localTime }
    return definitions.flatMap(({ definition, defaults }) => runsOf(definition, defaults, known))
  }
}

interface Known {
  site: SceneSite
  devices: readonly TargetDevice[]
  byDevice: ReadonlyMap<string, TargetDevice>
  elders: readonly Elder[]
  /** Devices that belong to an elder. */
  owned: ReadonlySet<string>
  /** One for all: the formatter behind it is large. */
  localTime: (at: number) => LocalTime
}

function runsOf(definition: Definition, defaults: SceneConfig, known: Known): PlannedScene[] {
  const { site, devices, byDevice, elders, owned, localTime } = known
  const entries = site.scenes.filter(({ scene }) => scene === definition.kind)
  if (entries.length === 0 && !definition.isDefault) return []
  /** The entry that decides; undefined where the scene does not run. */
  const decide = (named: Named): SceneConfig | undefined => {
    const found = entries.findLast((entry) => fits(entry, named)) ?? (definition.isDefault ? defaults : undefined)
    return found?.isEnabled === false ? undefined : found
  }
  const isShown = ({ kind }: TargetDevice) => definition.deviceKinds?.includes(kind) ?? true
  const isNeeded = ({ kind }: TargetDevice) => definition.neededKinds?.includes(kind) ?? true
  const metrics = definition.metrics && new Set<string>(definition.metrics)
  const plan = (name: string, entry: SceneConfig, target: SceneTarget): PlannedScene => ({
    id: `${definition.kind}/${name}`,
    definition,
    entry,
    target: { localTime, ...target },
    ...(metrics ? { metrics } : {}),
  })
  const perDevice = (those: readonly TargetDevice[]) =>
    those.flatMap((device) => {
      const entry = decide({ device: device.id, place: device.place })
      return entry ? [plan(device.id, entry, { place: device.place, cameras: [], devices: [device] })] : []
    })

  switch (definition.per ?? 'lift') {
    case 'lift':
      return site.lifts.flatMap(({ id }) => {
        const entry = entries.findLast(({ lifts }) => lifts.includes(id))
        return entry && entry.isEnabled !== false ? [plan(id, entry, liftTarget(site, id, devices))] : []
      })
    case 'camera':
      return site.cameras.flatMap(({ id, place }) => {
        const entry = entries.findLast(({ cameras }) => cameras?.includes(id))
        if (!entry || entry.isEnabled === false) return []
        const cameras = [id, ...(definition.alsoCameras?.(entry.options, id) ?? [])]
        return [plan(id, entry, { place, cameras, devices: [] })]
      })
    case 'device':
      return perDevice(devices.filter(isShown))
    case 'place':
    case 'site': {
      const placeOf = definition.per === 'place' ? unitOf : siteOf
      return groups(devices.filter(isShown), decide, placeOf).map(({ key, place, entry, members }) =>
        plan(key, entry, { place, cameras: [], devices: members }),
      )
    }
    case 'elder': {
      const others = definition.isForUnowned
        ? devices.filter((device) => isShown(device) && isNeeded(device) && !owned.has(device.id))
        : []
      const forElders = elders.flatMap((elder) => {
        if (definition.needsHealthConsent && !elder.consents.health) return []
        const entry = decide({ elder: elder.id, place: elder.place })
        const own = elder.devices.flatMap((id) => byDevice.get(id) ?? []).filter(isShown)
        if (!entry || !own.some(isNeeded)) return []
        return [plan(`elder:${elder.id}`, entry, { place: elder.place, cameras: [], devices: own, elder })]
      })
      return [...forElders, ...perDevice(others)]
    }
  }
}

/** Elders with the devices the site file names and those that were registered for them. */
export function withTheirDevices(
  elders: readonly Elder[],
  devices: ReadonlyArray<{ id: string; elder?: string }>,
): Elder[] {
  return elders.map((elder) => {
    const more = devices.filter(({ id, elder: owner }) => owner === elder.id && !elder.devices.includes(id))
    return more.length === 0 ? elder : { ...elder, devices: [...elder.devices, ...more.map(({ id }) => id)] }
  })
}

function fits({ lifts, devices, places, elders }: SceneConfig, named: Named): boolean {
  if (!devices && !places && !elders && lifts.length === 0) return true
  if (named.device !== undefined && devices?.includes(named.device)) return true
  if (named.elder !== undefined && elders?.includes(named.elder)) return true
  if (named.place.lift !== undefined && lifts.includes(named.place.lift)) return true
  return (places ?? []).some(
    ({ building, unit }) => building === named.place.building && (unit === undefined || unit === named.place.unit),
  )
}

interface Group {
  key: string
  place: Place
  entry: SceneConfig
  members: TargetDevice[]
}

/** Devices that are each other's neighbours and follow the same entry. */
function groups(
  devices: readonly TargetDevice[],
  decide: (named: Named) => SceneConfig | undefined,
  placeOf: (place: Place) => Place,
): Group[] {
  const found = new Map<string, Map<SceneConfig, Group>>()
  for (const device of devices) {
    const entry = decide({ device: device.id, place: device.place })
    if (!entry) continue
    const place = placeOf(device.place)
    const name = [place.building, place.unit].map((part) => part ?? '').join('/')
    const here = found.get(name) ?? new Map<SceneConfig, Group>()
    found.set(name, here)
    const group = here.get(entry)
    if (group) group.members.push(device)
    else here.set(entry, { key: here.size === 0 ? name : `${name}#${here.size}`, place, entry, members: [device] })
  }
  return [...found.values()].flatMap((here) => [...here.values()])
}

function unitOf({ site, building, unit, gridCell }: Place): Place {
  return {
    site,
    ...(building === undefined ? {} : { building }),
    ...(unit === undefined ? {} : { unit }),
    ...(gridCell === undefined ? {} : { gridCell }),
  }
}

const siteOf = ({ site }: Place): Place => ({ site })

function liftTarget(site: SceneSite, lift: string, devices: readonly TargetDevice[]): SceneTarget {
  const { building, unit } = site.lifts.find(({ id }) => id === lift)!
  const gridCell = site.buildings.find(({ id }) => id === building)?.gridCell ?? site.site.gridCell
  return {
    place: {
      site: site.site.id,
      building,
      lift,
      ...(unit ? { unit } : {}),
      ...(gridCell ? { gridCell } : {}),
    },
    cameras: site.cameras.filter(({ place }) => place.lift === lift).map(({ id }) => id),
    devices: devices.filter(({ place }) => place.lift === lift),
  }
}

/** Cameras bring zones of their own to the scenes that look through them. */
function withZones(options: unknown, site: SceneSite, { cameras }: SceneTarget): unknown {
  if (cameras.length === 0) return options
  const written = options as { ignoreZones?: Record<string, unknown[]> }
  const own = new Map(site.cameras.map(({ id, ignoreZones }) => [id, ignoreZones]))
  const ignoreZones = Object.fromEntries(
    cameras.map((id) => [id, [...(own.get(id) ?? []), ...(written.ignoreZones?.[id] ?? [])]]),
  )
  return { ...written, ignoreZones }
}
