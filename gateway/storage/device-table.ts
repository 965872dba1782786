import type { WrittenDevice } from '../core/registration.ts'
import type { Database } from './database.ts'

/** Devices registered while the gateway ran. */
export interface DeviceTable {
  list(): WrittenDevice[]
  get(id: string): WrittenDevice | undefined
  put(device: WrittenDevice, at: number): void
  remove(id: string): void
}

export function createDeviceTable(database: Database): DeviceTable {
  const all = database.prepare('SELECT id, document FROM device ORDER BY id')
  const one = database.prepare('SELECT id, document FROM device WHERE id = ?')
  const upsert = database.prepare(`
    INSERT INTO device (id, registered_at, changed_at, document) VALUES (?1, ?2, ?2, ?3)
    ON CONFLICT (id) DO UPDATE SET changed_at = max(excluded.changed_at, registered_at), document = excluded.document`)
  const remove = database.prepare('DELETE FROM device WHERE id = ?')
  return {
    list: () => (all.all() as Row[]).map(deviceOf),
    get(id) {
      const row = one.get(id) as Row | undefined
      return row && deviceOf(row)
    },
    put({ id, ...rest }, at) {
      upsert.run(id, Math.round(at), JSON.stringify(rest))
    },
    remove: (id) => void remove.run(id),
  }
}

interface Row {
  id: string
  document: string
}

function deviceOf({ id, document }: Row): WrittenDevice {
  return { id, ...(JSON.parse(document) as Omit<WrittenDevice, 'id'>) }
}
