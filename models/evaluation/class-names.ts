import { UsageError } from './evaluator.ts'

/** Spellings data sets use for what the models call otherwise. Motorcycles are not here: they need a word of their own. */
const otherNames: Readonly<Record<string, string>> = {
  ebike: 'e-bike',
  'electric-bike': 'e-bike',
  'electric-bicycle': 'e-bike',
  'electric-scooter': 'e-bike',
  电动车: 'e-bike',
  电瓶车: 'e-bike',
  电动自行车: 'e-bike',
  bike: 'bicycle',
  自行车: 'bicycle',
  pram: 'stroller',
  'baby-carriage': 'stroller',
  'baby-stroller': 'stroller',
  婴儿车: 'stroller',
  'wheel-chair': 'wheelchair',
  轮椅: 'wheelchair',
  luggage: 'trolley',
  suitcase: 'trolley',
  cart: 'trolley',
  people: 'person',
  human: 'person',
  pedestrian: 'person',
  人: 'person',
}

/** What a class of the data counts as: a label of the model, `ignore` (neither a find nor a false one), or nothing. */
export interface ClassMeaning {
  /** As the data calls it. */
  name: string
  label: string | undefined
  isIgnored: boolean
}

/** Turns the data's class numbers and names into the model's labels. */
export interface ClassReader {
  /** Undefined when the number has no name in `names`. */
  meaning(number: number, names: readonly string[]): ClassMeaning | undefined
  /** Meaning of a class that the data names in words. */
  meaningOf(name: string): ClassMeaning
  /** Left sides of --map that nothing in the data was called, so far. */
  unusedMappings(): string[]
}

/**
 * @param mappings `<number or name>=<label or ignore>`
 * @throws UsageError for a mapping that cannot be meant
 */
export function createClassReader(labels: readonly string[], mappings: readonly string[]): ClassReader {
  const chosen = new Map<string, string>()
  const used = new Set<string>()
  for (const mapping of mappings) {
    const [from = '', to = '', ...more] = mapping.split('=').map((part) => part.trim())
    if (from === '' || to === '' || more.length > 0)
      throw new UsageError(`--map "${mapping}": write <number or name>=<label>, for example 0=e-bike`)
    if (to !== 'ignore' && !labels.includes(to))
      throw new UsageError(`--map "${mapping}": the model has no label "${to}"; it has ${labels.join(', ')}, or ignore`)
    chosen.set(from, to)
  }

  const look = (name: string, keys: readonly string[]): ClassMeaning => {
    const key = keys.find((each) => chosen.has(each))
    if (key === undefined) return { name, label: plainLabel(name, labels), isIgnored: false }
    used.add(key)
    const to = chosen.get(key)!
    return to === 'ignore' ? { name, label: undefined, isIgnored: true } : { name, label: to, isIgnored: false }
  }

  return {
    meaning(number, names) {
      const name = names[number]
      const hasMapping = chosen.has(String(number))
      if (name === undefined && !hasMapping) return undefined
      return look(name ?? `class ${number}`, name === undefined ? [String(number)] : [String(number), name])
    },
    meaningOf: (name) => look(name, [name]),
    unusedMappings: () => [...chosen.keys()].filter((key) => !used.has(key)),
  }
}

function plainLabel(name: string, labels: readonly string[]): string | undefined {
  if (labels.includes(name)) return name
  const plain = name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_]+/g, '-')
  const known = Object.hasOwn(otherNames, plain) ? otherNames[plain]! : plain
  return labels.find((label) => label.toLowerCase() === known)
}
