import type { ModelComparison, ModelStore, ModelSwitch } from '../core/model.ts'
import type { Database } from './database.ts'

export type ModelTable = ModelStore

interface SwitchRow {
  at: number
  from_model: string
  to_model: string
  site_model: string
  turned_by: string
  reason: ModelSwitch['reason']
  data: string
}

/** Which models ran when, and how candidates compared. */
export function createModelTable(database: Database): ModelTable {
  const insert = database.prepare(
    `INSERT INTO model_switch (at, from_model, to_model, site_model, turned_by, reason, data)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  )
  const list = database.prepare('SELECT * FROM model_switch ORDER BY id DESC LIMIT ?')
  const write = database.prepare(
    `INSERT INTO model_comparison (active, candidate, since, at, document) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (active, candidate) DO UPDATE SET since = excluded.since, at = excluded.at, document = excluded.document`,
  )
  const comparisons = database.prepare('SELECT document FROM model_comparison ORDER BY at DESC LIMIT ?')
  return {
    putSwitch: ({ at, from, to, siteModel, by, reason, data }) =>
      void insert.run(Math.round(at), from, to, siteModel, by, reason, JSON.stringify(data)),
    switches: (limit) =>
      (list.all(limit) as SwitchRow[]).map((row) => ({
        at: row.at,
        from: row.from_model,
        to: row.to_model,
        siteModel: row.site_model,
        by: row.turned_by,
        reason: row.reason,
        data: JSON.parse(row.data) as Record<string, unknown>,
      })),
    putComparison: (comparison) =>
      void write.run(
        comparison.active,
        comparison.candidate,
        Math.round(comparison.since),
        Math.round(comparison.at),
        JSON.stringify(comparison),
      ),
    comparisons: (limit) =>
      (comparisons.all(limit) as Array<{ document: string }>).map(
        ({ document }) => JSON.parse(document) as ModelComparison,
      ),
  }
}
