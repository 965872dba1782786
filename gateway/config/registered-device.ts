import { type TObject, Type } from 'typebox'
import { findDriver } from '../core/driver.ts'
import { wrongField } from '../core/field-words.ts'
import type { FieldProblem, WrittenDevice } from '../core/registration.ts'
import { withDefaults } from './defaults.ts'
import { checkSchema, pathText } from './load.ts'
import { createPlaceResolver, type Path, type Report } from './resolve.ts'
import type { DriverSchemas } from './schema.ts'
import { DeviceModbus, DeviceEntry as DeviceSchema } from './schema-devices.ts'
import { Id, strict } from './schema-entries.ts'
import type { DeviceEntry, SiteConfig } from './site.ts'

const { topic: _, ...fields } = DeviceSchema.properties
/** As in the site file, but for a topic of its own: what logs in with a device's credentials may use no other. */
const Registration = Type.Object({ ...fields, elder: Type.Optional(Id), modbus: Type.Optional(DeviceModbus) }, strict)

export interface ReadDevice {
  written: WrittenDevice
  entry: DeviceEntry
}

/**
 * Checks one device that a person registers as the site file's devices are checked: schema, codec and its options, place.
 * With every problem at once.
 */
export function readRegisteredDevice(
  given: unknown,
  site: Pick<SiteConfig, 'site' | 'buildings' | 'lifts' | 'elders'>,
  codecs: DriverSchemas['codecs'],
): ReadDevice | { problems: FieldProblem[] } {
  const problems: FieldProblem[] = []
  const report: Report = (path, message, phrase) =>
    void problems.push({ field: pathText(path), message, ...(phrase ? { phrase } : {}) })
  const reportField = (path: Path, ...words: Parameters<typeof wrongField>) =>
    void problems.push({ field: pathText(path), ...wrongField(...words) })
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return { problems: [{ field: '', ...wrongField('no-object') }] }
  const value = withDefaults(Registration, structuredClone(given)) as WrittenDevice
  checkSchema(Registration, value, [], report)
  const codec = typeof value.codec === 'string' ? findDriver(codecs, value.codec) : undefined
  if (typeof value.codec === 'string' && !codec)
    reportField(['codec'], 'no-codec', { codec: value.codec, known: codecs.map(({ kind }) => kind).join(', ') })
  if (problems.length > 0) return { problems }
  value.options = withDefaults(codec!.options, value.options) as Record<string, unknown>
  checkSchema(codec!.options as TObject, value.options, ['options'], report)
  const elder = site.elders.find(({ id }) => id === value.elder)
  if (value.elder !== undefined && !elder) reportField(['elder'], 'no-elder', { elder: value.elder })
  if (value.modbus && value.address !== undefined) reportField(['address'], 'modbus-address')
  const isPlaced = Object.keys(value.place).length > 0
  const resolved = createPlaceResolver(site, report)(value.place, ['place'])
  // What belongs to an elder is at the elder's home unless somebody says where it is.
  const place = elder && !isPlaced ? elder.place : resolved
  if (problems.length > 0) return { problems }
  value.groups = [...new Set(value.groups.map((group) => group.trim()))].filter(Boolean)
  const { heartbeatSeconds, ...kept } = value
  return { written: value, entry: { ...kept, place, heartbeatMs: heartbeatSeconds * 1000 } }
}
