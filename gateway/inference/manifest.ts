import { createHash, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Phrase } from '../core/alarm.ts'
import { ConfigError, type ConfigProblem } from '../core/errors.ts'
import { wrongField } from '../core/field-words.ts'
import { headOptions } from './heads/options.ts'
import type { InputSpecification } from './preprocess.ts'
import { signatureProblem } from './signature.ts'

/** What `models/<name>/model.json` says, checked and with defaults filled in, together with the weights it vouches for. */
export interface ModelManifest {
  name: string
  version: string
  task: 'detection'
  /** Weights, a file beside model.json. */
  file: string
  /** SHA-256 of the weights, lower-case hex. */
  sha256: string
  input: InputSpecification
  /** `family` names the head; the other keys are its options. */
  head: { family: string; [option: string]: unknown }
  labels: string[]
  /** 0…1: `default`, and one per label that differs from it. */
  thresholds: { default: number; [label: string]: number }
  /** Overlap above which the weaker of two boxes of one label is dropped. */
  nmsIou: number
  /** Where embeddings come from: outputs that are feature maps (1 × channels × rows × columns) over the whole input. */
  embedding?: { outputs: string[] }
  licence: string
  source: string
  /** The very bytes whose hash was checked; workers load these and never read the file again. */
  weights: Uint8Array<SharedArrayBuffer>
}

const size = () => Type.Integer({ minimum: 16, maximum: 4096 })
const share = (options: { default?: number } = {}) => Type.Number({ minimum: 0, maximum: 1, ...options })
const text = () => Type.String({ minLength: 1 })

/** Schema of model.json; the head's options are checked against the head's own schema. */
export const manifestSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]*$' }),
    version: text(),
    task: Type.Enum(['detection']),
    file: text(),
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    input: Type.Object(
      {
        name: text(),
        width: size(),
        height: size(),
        layout: Type.Enum(['nchw'], { default: 'nchw' }),
        color: Type.Enum(['rgb', 'bgr']),
        resize: Type.Enum(['letterbox', 'stretch', 'window']),
        pad: Type.Number({ minimum: 0, maximum: 255, default: 114 }),
        anchor: Type.Enum(['center', 'top-left'], { default: 'center' }),
        mean: Type.Array(Type.Number(), { minItems: 3, maxItems: 3, default: [0, 0, 0] }),
        std: Type.Array(Type.Number({ exclusiveMinimum: 0 }), { minItems: 3, maxItems: 3, default: [1, 1, 1] }),
      },
      { additionalProperties: false },
    ),
    head: Type.Object({ family: text() }),
    labels: Type.Array(text(), { minItems: 1, uniqueItems: true }),
    thresholds: Type.Object({ default: share() }, { additionalProperties: share() }),
    nmsIou: share({ default: 0.6 }),
    embedding: Type.Optional(
      Type.Object({ outputs: Type.Array(text(), { minItems: 1, uniqueItems: true }) }, { additionalProperties: false }),
    ),
    licence: text(),
    source: text(),
  },
  { additionalProperties: false },
)

/**
 * Reads and checks `<dir>/model.json` and the weights it names.
 * Throws a ConfigError with every problem at once; weights whose hash differs are never loaded.
 * @param key with it, model.json must carry a signature by it
 */
export async function loadManifest(dir: string, key?: KeyObject): Promise<ModelManifest> {
  const path = join(dir, 'model.json')
  const document = await readDocument(path, key)
  const value = Value.Default(manifestSchema, document) as Omit<ModelManifest, 'weights'>
  const problems = problemsOf(manifestSchema, value, '')

  const family = value?.head?.family
  const schema = typeof family === 'string' && Object.hasOwn(headOptions, family) ? headOptions[family] : undefined
  if (schema) {
    value.head = Value.Default(schema, value.head) as ModelManifest['head']
    problems.push(...problemsOf(schema, value.head, 'head'))
  } else if (typeof family === 'string') {
    problems.push({ path: 'head.family', ...wrongField('one-of', { values: Object.keys(headOptions).join(', ') }) })
  }
  problems.push(...labelProblems(value))

  let weights: Uint8Array<SharedArrayBuffer> | undefined
  if (typeof value?.file === 'string' && value.file !== '') {
    const outcome = await readWeights(dir, value.file, value.sha256)
    if ('problem' in outcome) problems.push(outcome.problem)
    else weights = outcome.weights
  }
  if (problems.length > 0 || !weights) throw new ConfigError(path, problems)
  return { ...value, weights }
}

/**
 * Reads and parses a model.json.
 * @param key with it, the file must carry a signature by it
 * @throws ConfigError
 */
export async function readDocument(path: string, key?: KeyObject): Promise<unknown> {
  const bytes = await readBytes(path)
  const forged = key && (await signatureProblem(path, bytes, key))
  if (forged) throw new ConfigError(path, [forged])
  return parseDocument(path, bytes)
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new ConfigError(path, [{ path: '', ...wrongField('no-model-file', { code: codeOf(error) }) }])
  }
}

function parseDocument(path: string, bytes: Uint8Array): unknown {
  const json = Buffer.from(bytes).toString('utf8')
  try {
    return JSON.parse(json)
  } catch (error) {
    const position = /position (\d+)/.exec((error as Error).message)?.[1]
    const line = position === undefined ? {} : { line: json.slice(0, Number(position)).split('\n').length }
    const { message, phrase } = wrongField('not-json')
    throw new ConfigError(path, [{ path: '', ...line, message: `${message}: ${(error as Error).message}`, phrase }])
  }
}

/** Reads the weights and checks their hash. */
export async function readWeights(
  dir: string,
  file: string,
  expected: unknown,
): Promise<{ weights: Uint8Array<SharedArrayBuffer> } | { problem: ConfigProblem }> {
  if (file !== basename(file) || file === '..') {
    return { problem: { path: 'file', ...wrongField('not-beside', { file }) } }
  }
  const path = join(dir, file)
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    return { problem: { path: 'file', ...wrongField('no-weights', { file: path, code: codeOf(error) }) } }
  }
  const found = createHash('sha256').update(bytes).digest('hex')
  if (found !== expected) {
    const words = wrongField('other-weights', { file: path, found, expected: String(expected) })
    return { problem: { path: 'sha256', ...words } }
  }
  const weights = new Uint8Array(new SharedArrayBuffer(bytes.byteLength))
  weights.set(bytes)
  return { weights }
}

function labelProblems(value: Partial<ModelManifest> | undefined): ConfigProblem[] {
  const { labels, thresholds } = value ?? {}
  if (!Array.isArray(labels) || typeof thresholds !== 'object' || thresholds === null) return []
  return Object.keys(thresholds)
    .filter((label) => label !== 'default' && !labels.includes(label))
    .map((label) => ({ path: `thresholds.${label}`, ...wrongField('no-label', { label }) }))
}

/**
 * What is wrong with a document, in its own words and paths. Objects are walked here because TypeBox stops counting
 * at eight errors a call.
 */
export function problemsOf(schema: TSchema, value: unknown, path: string): ConfigProblem[] {
  if (!Type.IsObject(schema) || typeof value !== 'object' || value === null || Array.isArray(value)) {
    return valueProblems(schema, value, path)
  }
  const document = value as Record<string, unknown>
  const others = (schema as { additionalProperties?: boolean | TSchema }).additionalProperties ?? true
  const required = (schema as { required?: string[] }).required ?? []
  const at = (key: string) => (path ? `${path}.${key}` : key)
  const problems: ConfigProblem[] = required
    .filter((key) => !(key in document))
    .map((key) => ({ path: at(key), ...wrongField('missing') }))
  for (const [key, part] of Object.entries(document)) {
    const known = Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined
    if (known) problems.push(...problemsOf(known, part, at(key)))
    else if (typeof others === 'object') problems.push(...problemsOf(others, part, at(key)))
    else if (!others) problems.push({ path: at(key), ...wrongField('unknown') })
  }
  return problems
}

function valueProblems(schema: TSchema, value: unknown, path: string): ConfigProblem[] {
  return Value.Errors(schema, value).map(({ keyword, instancePath, message, params }) => ({
    path: path + instancePath.replace(/\/(\d+)/g, '[$1]').replaceAll('/', '.'),
    ...(keyword === 'enum'
      ? wrongField('one-of', { values: params.allowedValues.map(String).join(', ') })
      : { message, phrase: boundOf(keyword, params) }),
  }))
}

/** What the schema library found, for translation: a bound by its keyword, else no more than that it is wrong. */
function boundOf(keyword: string, params: object): Phrase {
  const { limit } = params as { limit?: unknown }
  return typeof limit === 'number' ? { key: keyword, limit } : wrongField('wrong').phrase
}

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException).code)
