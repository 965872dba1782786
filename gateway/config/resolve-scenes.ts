import type { Path, Report } from './resolve.ts'
import type { WrittenSite } from './schema.ts'
import type { SceneConfig } from './site.ts'

interface FacadeOptions {
  calibration?: Record<string, unknown>
  ground?: Record<string, { camera: string }>
  flats?: Record<string, unknown>
}

/** Checks what the scene entries name, and completes them. */
export function resolveScenes(written: WrittenSite, report: Report): SceneConfig[] {
  const facades = new Set(
    written.scenes.flatMap(({ scene, cameras = [] }) => (scene === 'high-rise-throwing' ? cameras : [])),
  )
  /** What is written by camera must be of a facade camera, and what watches the ground must not be one. */
  const checkFacades = (entry: WrittenSite['scenes'][number], path: Path) => {
    const { calibration, ground, flats } = entry.options as FacadeOptions
    for (const [key, written] of Object.entries({ calibration, ground, flats }))
      for (const id of Object.keys(written ?? {}))
        if (!entry.cameras?.includes(id)) report([...path, key, id], `"${id}" is not among this entry's cameras`)
    for (const [id, { camera }] of Object.entries(ground ?? {}))
      if (facades.has(camera))
        report(
          [...path, 'ground', id, 'camera'],
          `camera "${camera}" watches a facade; people are looked for in others`,
        )
      else if (!written.cameras.some((each) => each.id === camera))
        report([...path, 'ground', id, 'camera'], `there is no camera "${camera}"`)
  }
  return written.scenes.map((entry, index): SceneConfig => {
    const lifts = entry.lifts === 'all' ? written.lifts.map(({ id }) => id) : (entry.lifts ?? [])
    const known = (key: string, ids: readonly string[], list: ReadonlyArray<{ id: string }>, noun: string) => {
      const names = new Set(list.map(({ id }) => id))
      for (const [at, id] of ids.entries())
        if (!names.has(id)) report(['scenes', index, key, at] as Path, `there is no ${noun} "${id}"`)
    }
    known('lifts', lifts, written.lifts, 'lift')
    known('cameras', entry.cameras ?? [], written.cameras, 'camera')
    known('devices', entry.devices ?? [], written.devices, 'device')
    known('elders', entry.elders ?? [], written.elders, 'elder')
    for (const [at, id] of (entry.cameras ?? []).entries())
      if (written.cameras.find((camera) => camera.id === id)?.place.lift !== undefined)
        report(
          ['scenes', index, 'cameras', at],
          `camera "${id}" looks into a lift; it cannot watch something else as well`,
        )
    for (const [at, { building, unit }] of (entry.places ?? []).entries()) {
      const found = written.buildings.find(({ id }) => id === building)
      const path: Path = ['scenes', index, 'places', at]
      if (!found) report([...path, 'building'], `there is no building "${building}"`)
      else if (unit !== undefined && !found.units.some(({ id }) => id === unit))
        report([...path, 'unit'], `building "${building}" has no unit "${unit}"`)
    }
    if (entry.scene === 'high-rise-throwing') checkFacades(entry, ['scenes', index, 'options'])
    return {
      scene: String(entry.scene),
      isEnabled: entry.isEnabled,
      options: entry.options,
      lifts,
      ...(entry.cameras ? { cameras: entry.cameras } : {}),
      ...(entry.devices ? { devices: entry.devices } : {}),
      ...(entry.places ? { places: entry.places } : {}),
      ...(entry.elders ? { elders: entry.elders } : {}),
    }
  })
}
