import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../', import.meta.url))

const domainFolders = [
  'broker',
  'devices',
  'cameras',
  'falling',
  'inference',
  'learning',
  'scenes',
  'alarms',
  'cases',
  'speakers',
  'doors',
  'notifiers',
  'storage',
  'config',
]

interface Rule {
  /** Who this is about; the first rule that matches a file decides. */
  who: RegExp
  may: RegExp[]
}

const core = /^gateway\/core\//
const schemas = /^gateway\/api\/schemas\//

/** What starts a whole compound. */
const compoundStarters = [/^simulators\//, /^gateway\/(app|site|main)\.ts$/, /^cloud-bridge\/app\.ts$/]

/** Who may import whom, from docs/architecture.md. Changing it is an architecture decision. */
const rules: Rule[] = [
  { who: core, may: [core] },
  ...domainFolders.map((name) => ({
    who: new RegExp(`^gateway/${name}/`),
    may: [core, new RegExp(`^gateway/${name}/`)],
  })),
  { who: /^gateway\/api\//, may: [core, /^gateway\/api\//] },
  { who: /^gateway\/testing\//, may: [core, /^gateway\/testing\//] },
  { who: /^gateway\/console\//, may: [/^gateway\/console\//, schemas, core] },
  { who: /^gateway\/[^/]+$/, may: [/^gateway\//] },
  { who: /^cloud-bridge\//, may: [/^cloud-bridge\//, core, schemas] },
  { who: /^simulators\/journeys\//, may: [...compoundStarters, /^gateway\/testing\//] },
  { who: /^simulators\/bench\//, may: [...compoundStarters, /^gateway\/(cameras|falling)\//] },
  { who: /^simulators\/chaos\//, may: compoundStarters },
  { who: /^simulators\//, may: [/^simulators\//] },
  {
    who: /^models\/(evaluate\.ts$|evaluation\/)/,
    may: [
      /^models\//,
      core,
      /^gateway\/(inference|learning|scenes|cameras|falling)\//,
      /^gateway\/pipeline\.ts$/,
      /^simulators\/facades\//,
    ],
  },
  {
    who: /^models\/train\//,
    may: [/^models\//, core, /^gateway\/(inference|falling)\//, /^simulators\/(facades\/|random\.ts$)/],
  },
  { who: /^models\//, may: [/^models\//, core, /^gateway\/inference\//] },
]

function sources(dir: string): string[] {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = `${dir}/${entry.name}`
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : sources(path)
    return /\.(ts|mts|vue)$/.test(entry.name) && !/\.(test|d)\.ts$/.test(entry.name) ? [path] : []
  })
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)].map((match) => match[1]!)
  return specifiers.map((specifier) => relative(root, join(root, dirname(file), specifier)))
}

t.test('every file imports only what the table of docs/architecture.md allows', async (t) => {
  const files = ['gateway', 'cloud-bridge', 'simulators', 'models'].flatMap(sources)
  t.ok(files.length > 50, 'the house was found')
  const breaches: string[] = []
  for (const file of files) {
    const rule = rules.find(({ who }) => who.test(file))
    if (!rule) breaches.push(`${file} lies in no room of the table`)
    for (const target of importsOf(file))
      if (rule && !rule.may.some((allowed) => allowed.test(target))) breaches.push(`${file} imports ${target}`)
  }
  t.same(breaches, [])
})

t.test('the core knows nothing of the outside: only typebox and itself', async (t) => {
  const foreign = sources('gateway/core').flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/from\s+['"]([^.'"][^'"]*)['"]/g)]
      .map((match) => match[1]!)
      .filter((name) => name !== 'typebox')
      .map((name) => `${file} imports ${name}`),
  )
  t.same(foreign, [])
})

t.test('no room is called utils, helpers, common, misc, manager or base', async (t) => {
  const named = ['gateway', 'cloud-bridge', 'simulators', 'models']
    .flatMap(sources)
    .filter((file) => /(^|\/)(utils?|helpers?|common|misc|managers?|base)(\/|\.ts$)/.test(file))
  t.same(named, [])
})
