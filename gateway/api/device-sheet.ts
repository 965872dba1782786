import { wrongField } from '../core/field-words.ts'
import type { FieldProblem, ImportRow, WrittenDevice } from '../core/registration.ts'
import { parseCsv, unguarded, writeCsv } from './csv.ts'
import type { DeviceRow } from './schemas/index.ts'
import { toInstant } from './schemas/index.ts'

/* Devices as a table: one row each, the same columns out and in. */

/** Columns that are read; what people add beside them must be named as one of these or those only written. */
const columns = [
  'id',
  'nameZh',
  'nameEn',
  'kind',
  'building',
  'unit',
  'floor',
  'lift',
  'flat',
  'codec',
  'address',
  'options',
  'groups',
  'heartbeatSeconds',
  'elder',
  'modbus',
] as const
type Column = (typeof columns)[number]
/** Told in an export, left out of an import. */
const told = ['definedBy', 'isUp', 'lastSeenAt', 'batteryPercent', 'signal'] as const
const needed: readonly Column[] = ['id', 'nameZh', 'nameEn', 'kind']
const placeColumns = ['building', 'unit', 'floor', 'lift', 'flat'] as const
/** More at once is a mistake more often than a compound. */
const maxRows = 20_000

export function writeSheet(
  devices: ReadonlyArray<WrittenDevice & { definedBy: string }>,
  stateOf: (id: string) => DeviceRow | undefined,
): string {
  const rows = devices.map((device) => {
    const state = stateOf(device.id)
    const cells: Record<Column | (typeof told)[number], string> = {
      id: device.id,
      nameZh: device.name.zh,
      nameEn: device.name.en,
      kind: device.kind,
      ...(Object.fromEntries(placeColumns.map((part) => [part, device.place[part] ?? ''])) as Record<
        (typeof placeColumns)[number],
        string
      >),
      codec: device.codec,
      address: device.address ?? '',
      options: Object.keys(device.options).length === 0 ? '' : JSON.stringify(device.options),
      groups: device.groups.join(';'),
      heartbeatSeconds: String(device.heartbeatSeconds),
      elder: device.elder ?? '',
      modbus: device.modbus === undefined ? '' : JSON.stringify(device.modbus),
      definedBy: device.definedBy,
      isUp: state === undefined ? '' : String(state.isUp),
      lastSeenAt: state?.lastSeenAt === undefined ? '' : toInstant(state.lastSeenAt),
      batteryPercent: state?.battery?.percent === undefined ? '' : String(state.battery.percent),
      signal: state?.signal === undefined ? '' : String(state.signal.value),
    }
    return [...columns, ...told].map((column) => cells[column])
  })
  return writeCsv([[...columns, ...told], ...rows])
}

/** The rows of a table as devices are written, or everything wrong with its form. Not yet checked by the site's rules. */
export function readSheet(text: string): ImportRow[] | { problems: Array<FieldProblem & { line: number }> } {
  const records = parseCsv(text)
  if (!Array.isArray(records)) return { problems: [{ field: '', ...records }] }
  const [head, ...rows] = records
  if (!head) return { problems: [{ line: 1, field: '', ...wrongField('file-empty') }] }
  const names = head.cells.map((cell) => cell.trim())
  const problems: Array<FieldProblem & { line: number }> = []
  for (const [index, name] of names.entries()) {
    if (name !== '' && ![...columns, ...told].includes(name as Column))
      problems.push({ line: head.line, field: name, ...wrongField('no-column', { known: columns.join(', ') }) })
    else if (name !== '' && names.indexOf(name) !== index)
      problems.push({ line: head.line, field: name, ...wrongField('column-twice') })
  }
  for (const name of needed)
    if (!names.includes(name)) problems.push({ line: head.line, field: name, ...wrongField('column-missing') })
  if (rows.length > maxRows)
    problems.push({ line: head.line, field: '', ...wrongField('too-many-rows', { limit: maxRows }) })
  if (problems.length > 0) return { problems }

  const read = rows.map(({ line, cells }): ImportRow => {
    if (cells.length > names.length && cells.slice(names.length).some((cell) => cell.trim() !== ''))
      problems.push({ line, field: '', ...wrongField('too-many-cells', { cells: cells.length, head: names.length }) })
    const of = (column: Column): string | undefined => {
      const index = names.indexOf(column)
      return index < 0 ? undefined : unguarded(cells[index]?.trim() ?? '') || undefined
    }
    const json = (column: Column): Record<string, unknown> => {
      const text = of(column)
      try {
        return text === undefined ? {} : { [column]: JSON.parse(text) }
      } catch {
        problems.push({ line, field: column, ...wrongField('not-json') })
        return {}
      }
    }
    const heartbeat = of('heartbeatSeconds')
    const place = Object.fromEntries(placeColumns.flatMap((part) => (of(part) ? [[part, of(part)]] : [])))
    const groups = (of('groups') ?? '').split(/[;；]/).flatMap((group) => group.trim() || [])
    return {
      line,
      written: {
        id: of('id') ?? '',
        name: { zh: of('nameZh') ?? '', en: of('nameEn') ?? '' },
        kind: of('kind') ?? '',
        place,
        ...(of('codec') === undefined ? {} : { codec: of('codec') }),
        ...(of('address') === undefined ? {} : { address: of('address') }),
        ...(of('elder') === undefined ? {} : { elder: of('elder') }),
        ...json('options'),
        ...json('modbus'),
        groups,
        ...(heartbeat === undefined ? {} : { heartbeatSeconds: Number(heartbeat) }),
      },
    }
  })
  return problems.length > 0 ? { problems } : read
}
