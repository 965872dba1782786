import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { TObject, TSchema } from 'typebox'
import { Settings } from 'typebox/system'
import { Value } from 'typebox/value'
import { type Document, isNode, LineCounter, parseDocument } from 'yaml'
import { findDriver } from '../core/driver.ts'
import { ConfigError, type ConfigProblem } from '../core/errors.ts'
import { withDefaults } from './defaults.ts'
import { type Path, type Report, resolveSite } from './resolve.ts'
import { type DriverSchemas, siteSchema, type WrittenSite } from './schema.ts'
import type { SecretRef } from './schema-entries.ts'
import type { SiteConfig } from './site.ts'

/**
 * Reads a site file: YAML → schema and defaults → secrets → references.
 * @throws {ConfigError} with every problem at once, each with its path and line
 */
export function loadSite(
  file: string,
  drivers: DriverSchemas,
  environment: NodeJS.ProcessEnv = process.env,
): SiteConfig {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message
    throw new ConfigError(file, [{ path: '', message: `cannot be read: ${reason}` }])
  }
  return parseSite(text, file, drivers, environment)
}

/** As loadSite, from text. Relative paths of secrets and `file:` cameras count from the file's folder. */
export function parseSite(
  text: string,
  file: string,
  drivers: DriverSchemas,
  environment: NodeJS.ProcessEnv = process.env,
): SiteConfig {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const problems: ConfigProblem[] = []
  const report = (path: Path, message: string) => {
    const line = lineOf(document, lines, path)
    problems.push({ path: pathText(path), message, ...(line ? { line } : {}) })
  }
  if (document.errors.length > 0) {
    throw new ConfigError(
      file,
      document.errors.map((error) => ({ path: '', line: lines.linePos(error.pos[0]).line, message: error.message })),
    )
  }
  const schema = siteSchema(drivers)
  const raw = withDefaults(schema, document.toJS() ?? {}) as Record<string, unknown>
  checkSchema(schema, raw, [], report)
  const value = raw as WrittenSite
  if (problems.length === 0) checkDrivers(value, drivers, report)
  if (problems.length > 0) throw new ConfigError(file, inOrder(problems))

  const folder = dirname(resolve(file))
  const secret = (reference: SecretRef | undefined, path: Path): string | undefined => {
    if (!reference) return undefined
    if ('env' in reference) {
      const found = environment[reference.env]
      if (!found) report(path, `environment variable ${reference.env} is not set`)
      return found
    }
    try {
      return readFileSync(resolve(folder, reference.file), 'utf8').trim()
    } catch (error) {
      report(path, `secret file ${reference.file} cannot be read (${(error as NodeJS.ErrnoException).code})`)
      return undefined
    }
  }
  const readSecrets = (schema: TObject, value: Record<string, unknown>, path: Path): void => {
    for (const [name, property] of Object.entries(schema.properties)) {
      const written = value[name]
      if (isSecret(property)) secret(written as SecretRef | undefined, [...path, name])
      else if ('properties' in property && typeof written === 'object' && written !== null)
        readSecrets(property as TObject, written as Record<string, unknown>, [...path, name])
    }
  }
  for (const { entry, path, options } of driverEntries(value, drivers))
    readSecrets(options, entry.options, [...path, 'options'])
  const config = resolveSite(value, {
    file,
    folder,
    codecs: drivers.codecs.map(({ kind }) => kind),
    secret,
    report,
  })
  if (problems.length > 0) throw new ConfigError(file, inOrder(problems))
  return config
}

/** Reports what the schema finds wrong, in words: unknown keys by name; of a union only what it allows. */
export function checkSchema(schema: TSchema, value: unknown, base: Path, report: Report): void {
  // TypeBox stops at eight errors unless told otherwise; people mend a file in one go.
  Settings.Set({ maxErrors: 1000 })
  for (const error of Value.Errors(schema, value)) {
    const path = [...base, ...pointerToPath(error.instancePath)]
    const parameters = error.params as Record<string, unknown>
    if (/\/anyOf\//.test(error.schemaPath) || error.keyword === 'additionalProperties') continue
    if (error.keyword === 'boolean') report(path, 'unknown key; it is misspelt or not at home here', { key: 'unknown' })
    else if (error.keyword === 'anyOf') {
      const allowed = allowedText(schema, error.schemaPath)
      report(path, allowed ?? 'has the wrong form', { key: 'wrong' })
    } else if (error.keyword === 'required')
      for (const name of parameters.requiredProperties as string[])
        report([...path, name], 'is missing', { key: 'missing' })
    else {
      const { limit } = parameters
      report(path, error.message, typeof limit === 'number' ? { key: error.keyword, limit } : { key: 'wrong' })
    }
  }
}

/** For a union of literals: the values that are allowed. */
function allowedText(schema: TSchema, schemaPath: string): string | undefined {
  let node: unknown = schema
  for (const part of schemaPath.split('/').slice(1)) node = (node as Record<string, unknown> | undefined)?.[part]
  const branches = (node as { anyOf?: Array<{ const?: unknown }> } | undefined)?.anyOf
  const values = branches?.map((branch) => branch.const)
  if (!values?.every((value) => value !== undefined)) return undefined
  return `must be one of ${values.join(', ')}`
}

/** Checks each driver's options against the schema of the driver it names, and fills in its defaults. */
function checkDrivers(value: WrittenSite, drivers: DriverSchemas, report: Report): void {
  const unknown = (path: Path, kind: string, known: readonly string[]) =>
    report(path, `there is no "${kind}"; known are ${known.join(', ')}`)
  for (const { entry, path, options } of driverEntries(value, drivers, unknown)) {
    entry.options = withDefaults(options, entry.options) as Record<string, unknown>
    checkSchema(options, entry.options, [...path, 'options'], report)
  }
}

/** Every entry of the site that names a driver, with the schema of that driver's options. */
function* driverEntries(
  value: WrittenSite,
  drivers: DriverSchemas,
  onUnknown?: (path: Path, kind: string, known: readonly string[]) => void,
) {
  const lists = [
    { list: 'speakers', key: 'driver', known: drivers.speakers },
    { list: 'scenes', key: 'scene', known: drivers.scenes },
    { list: 'doors', key: 'driver', known: drivers.doors },
    { list: 'notifiers', key: 'driver', known: drivers.notifiers },
    { list: 'devices', key: 'codec', known: drivers.codecs },
  ] as const
  for (const { list, key, known } of lists) {
    for (const [index, entry] of value[list].entries()) {
      const kind = String((entry as Record<string, unknown>)[key])
      const driver = findDriver(known, kind)
      if (driver) yield { entry, path: [list, index] as Path, options: driver.options as TObject }
      else
        onUnknown?.(
          [list, index, key],
          kind,
          known.map((one) => one.kind),
        )
    }
  }
}

/** Whether a schema stands for a reference to a secret: both config and drivers mark theirs. */
function isSecret(schema: TSchema): boolean {
  return (schema as { isSecret?: boolean }).isSecret === true
}

function pointerToPath(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part))
}

export function pathText(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')
}

/** Line of the node at the path, or of the nearest parent that is written down. */
function lineOf(document: Document, lines: LineCounter, path: Path): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
  }
  return undefined
}

/** From the top of the file to its end, as a person mends it. */
function inOrder(problems: ConfigProblem[]): ConfigProblem[] {
  return problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
}
