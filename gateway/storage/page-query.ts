import type { Page } from '../core/ports.ts'
import type { Database } from './database.ts'

/** One condition of a WHERE clause, with the value of its placeholder where it has one. */
export interface Condition {
  sql: string
  value?: string | number
}

const defaultLimit = 100

/**
 * Reads one page of documents, newest first. A page's cursor is `<instant>.<id>` of its last item, so that items added
 * meanwhile neither repeat nor skip one.
 * @param table with the columns `id`, `document` and the instant named
 * @throws RangeError when `before` is no cursor of a page
 */
export function createPageQuery<T extends { id: string }>(
  database: Database,
  table: string,
  instant: string,
  instantOf: (item: T) => number,
): (filter: { conditions: Condition[]; before?: string; limit?: number }) => Page<T> {
  // At most one statement per combination of filters.
  const statements = new Map<string, ReturnType<Database['prepare']>>()

  return ({ conditions, before, limit = defaultLimit }) => {
    const where = conditions.map(({ sql }) => sql)
    const values = conditions.flatMap(({ value }) => value ?? [])
    if (before !== undefined) {
      const [, at, id] = before.match(/^(\d{1,15})\.(.+)$/s) ?? []
      if (at === undefined || id === undefined) throw new RangeError(`before: ${before} is no cursor of a page`)
      where.push(`(${instant}, id) < (?, ?)`)
      values.push(Number(at), id)
    }
    const sql = `SELECT document FROM ${table} ${where.length ? `WHERE ${where.join(' AND ')}` : ''}
      ORDER BY ${instant} DESC, id DESC LIMIT ?`
    const statement = statements.get(sql) ?? database.prepare(sql)
    statements.set(sql, statement)

    const wanted = Math.max(1, Math.floor(limit))
    // One more than asked tells whether another page follows.
    const rows = statement.all(...values, wanted + 1) as Array<{ document: string }>
    const items = rows.slice(0, wanted).map(({ document }) => JSON.parse(document) as T)
    const last = items.at(-1)
    return rows.length > wanted && last ? { items, nextBefore: `${Math.round(instantOf(last))}.${last.id}` } : { items }
  }
}
