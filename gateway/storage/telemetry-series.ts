import type { Database } from './database.ts'

/** Ids of series by device and metric: as many as the site has. */
export function readSeries(database: Database) {
  const insert = database.prepare('INSERT INTO series (device, metric) VALUES (?, ?) RETURNING id')
  const known: Array<{ id: number; device: string; metric: string }> = database.prepare('SELECT * FROM series').all()
  const devices = new Map<string, Map<string, number>>()
  const ids: number[] = []
  /** Made in a transaction that is not committed yet. */
  let added: Array<{ device: string; metric: string; id: number }> = []
  let turn = 0

  function note({ id, device, metric }: { id: number; device: string; metric: string }): void {
    let metrics = devices.get(device)
    if (!metrics) {
      metrics = new Map()
      devices.set(device, metrics)
    }
    metrics.set(metric, id)
  }
  for (const each of known) {
    note(each)
    ids.push(each.id)
  }

  return {
    find: (device: string, metric: string) => devices.get(device)?.get(metric),
    of: (device: string): ReadonlyMap<string, number> => devices.get(device) ?? new Map(),
    /** The id of a series, made where it is new; call `commit` or `rollBack` afterwards. */
    id(device: string, metric: string): number {
      const found = devices.get(device)?.get(metric)
      if (found !== undefined) return found
      const { id } = insert.get(device, metric) as { id: number }
      added.push({ device, metric, id })
      note({ id, device, metric })
      return id
    },
    commit(): void {
      for (const { id } of added) ids.push(id)
      if (added.length > 0) added = []
    },
    rollBack(): void {
      for (const { device, metric } of added) devices.get(device)?.delete(metric)
      added = []
    },
    /** Each series in turn. */
    next: () => ids[turn++ % ids.length],
  }
}
