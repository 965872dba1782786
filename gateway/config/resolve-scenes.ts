import type { Path, Report } from './resolve.ts'
import type { WrittenSite } from './schema.ts'
import type { SceneConfig } from './site.ts'

/** Checks what the scene entries name, and completes them. */
export function resolveScenes(written: WrittenSite, report: Report): SceneConfig[] {
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
