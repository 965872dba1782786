import { readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { parse } from 'yaml'
import type { Box } from '../../gateway/core/detection.ts'
import type { ClassReader } from './class-names.ts'
import { type DataFolder, labelPlaces, nameMatcher } from './data-folder.ts'
import { type DataProblem, UsageError } from './evaluator.ts'
import type { PictureTruth, Truth } from './samples.ts'

/** One line of a label file. */
interface LabelLine {
  class: number
  box: Box
}

/** Boxes may stick out of the picture by rounding. */
const tolerance = 0.02

/**
 * One line of YOLO text: `class cx cy w h` as fractions of the picture, with or without a score behind, or
 * `class x1 y1 x2 y2 x3 y3 …`, the outline of a segmentation.
 * @returns what is wrong with it, as text
 */
export function parseLabelLine(line: string): LabelLine | string {
  const [first = '', ...rest] = line.trim().split(/\s+/)
  const values = rest.map(Number)
  if (!/^\d+$/.test(first)) return `"${first.slice(0, 20)}" is no class number`
  if (rest.length < 4) return `${rest.length + 1} values; a box needs 5`
  if (!values.every(Number.isFinite)) return 'a coordinate is no number'
  const isOutline = values.length >= 6 && values.length % 2 === 0
  if (!isOutline && values.length > 5) return `${rest.length + 1} values; a box has 5, an outline 7, 9, 11, …`
  const box = isOutline ? boxAround(values) : boxOf(values)
  const { x, y, width, height } = box
  if (!(width > 0 && height > 0)) return 'the box has no area'
  if (x < -tolerance || y < -tolerance || x + width > 1 + tolerance || y + height > 1 + tolerance)
    return 'the box lies outside the picture; coordinates are fractions of its width and height'
  return { class: Number(first), box: clipped(box) }
}

function boxOf([cx = 0, cy = 0, width = 0, height = 0]: number[]): Box {
  return { x: cx - width / 2, y: cy - height / 2, width, height }
}

function boxAround(values: number[]): Box {
  const xs = values.filter((_, i) => i % 2 === 0)
  const ys = values.filter((_, i) => i % 2 === 1)
  const [x, y] = [Math.min(...xs), Math.min(...ys)]
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y }
}

export function clipped({ x, y, width, height }: Box): Box {
  const left = Math.max(0, x)
  const top = Math.max(0, y)
  return { x: left, y: top, width: Math.min(1, x + width) - left, height: Math.min(1, y + height) - top }
}

/** A class name and the pictures in which nobody drew it: `<pattern>:<label>`. */
export interface UnlabelledRule {
  isMeant(name: string): boolean
  label: string
}

/** @throws UsageError for a rule that cannot be meant */
export function parseUnlabelled(rules: readonly string[], labels: readonly string[]): UnlabelledRule[] {
  return rules.map((rule) => {
    const at = rule.lastIndexOf(':')
    const label = rule.slice(at + 1)
    if (at < 1 || !labels.includes(label))
      throw new UsageError(
        `--unlabelled "${rule}": write <file pattern>:<label>, the label one of ${labels.join(', ')}`,
      )
    return { isMeant: nameMatcher(rule.slice(0, at)), label }
  })
}

/** Reads the labels of pictures; keeps account of what it met. */
export interface LabelReader {
  /** Undefined, and a problem, when the picture has no label file. */
  truthOf(picture: string): Promise<PictureTruth | undefined>
  /** Where the class numbers got their names from. */
  readonly namedBy: ReadonlySet<string>
  /** Class names that are no label of the model, with the number of their boxes. */
  readonly foreign: Map<string, number>
}

export interface LabelReaderOptions {
  folder: DataFolder
  classes: ClassReader
  /** Names by class number from the command line; otherwise the data's own, otherwise `labels`. */
  names: readonly string[] | undefined
  /** The model's. */
  labels: readonly string[]
  unlabelled: readonly UnlabelledRule[]
  /** A picture without a label file shows nothing. */
  isEmptyWithoutLabels: boolean
  problems: DataProblem[]
}

export async function createLabelReader(options: LabelReaderOptions): Promise<LabelReader> {
  const { folder, classes, labels, unlabelled, problems } = options
  const ownNames = options.names ? new Map<string, readonly string[]>() : await readClassFiles(folder, problems)
  const namedBy = new Set<string>()
  const foreign = new Map<string, number>()

  /** The names nearest to a label file: in its folder, above it, or in the places usual for the whole set. */
  function namesFor(file: string): readonly string[] {
    if (options.names) return name('--classes', options.names)
    const places: string[] = []
    for (let dir = dirname(file); ; dir = dirname(dir)) {
      places.push(dir)
      if (relative(folder.root, dir) === '' || dirname(dir) === dir) break
    }
    for (const dir of [...places, join(folder.root, 'labels'), join(folder.root, 'images')]) {
      const names = ownNames.get(dir)
      if (names) return name(relative(folder.root, join(dir, 'classes')), names)
    }
    return name('the model', labels)
  }

  function name(by: string, names: readonly string[]): readonly string[] {
    namedBy.add(by)
    return names
  }

  async function readBoxes(file: string, onBox: (line: LabelLine, names: readonly string[], where: string) => void) {
    const names = namesFor(file)
    const lines = (await readFile(file, 'utf8')).replace(/^\uFEFF/, '').split(/\r?\n/)
    lines.forEach((text, i) => {
      if (text.trim() === '') return
      const where = `${relative(folder.root, file)}:${i + 1}`
      const line = parseLabelLine(text)
      if (typeof line === 'string') problems.push({ where, what: line })
      else onBox(line, names, where)
    })
  }

  return {
    namedBy,
    foreign,
    async truthOf(picture) {
      const shown = relative(folder.root, picture)
      const file = labelPlaces(picture, folder.root).find((place) => folder.others.has(place))
      if (!file && !options.isEmptyWithoutLabels) {
        problems.push({ where: shown, what: 'has no label file; left out of the figures' })
        return undefined
      }
      const truths: Truth[] = []
      const neutral: Box[] = []
      try {
        if (file)
          await readBoxes(file, ({ class: number, box }, names, where) => {
            const meaning = classes.meaning(number, names)
            if (!meaning) problems.push({ where, what: `class ${number} has no name among ${names.length} classes` })
            else if (meaning.isIgnored) neutral.push(box)
            else if (meaning.label !== undefined) truths.push({ label: meaning.label, box })
            else foreign.set(meaning.name, (foreign.get(meaning.name) ?? 0) + 1)
          })
        const ignored = labelPlaces(picture, folder.root, 'ignored').find((place) => folder.others.has(place))
        if (ignored) await readBoxes(ignored, ({ box }) => neutral.push(box))
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? 'broken'
        problems.push({ where: shown, what: `its labels cannot be read (${code}); left out of the figures` })
        return undefined
      }
      const rules = unlabelled.filter(({ isMeant }) => isMeant(shown))
      return { name: shown, truths, neutral, unlabelled: new Set(rules.map(({ label }) => label)) }
    },
  }
}

/** Names by class number, by the folder they were found in: `classes.txt`, or the `names` of a `data.yaml`. */
async function readClassFiles(folder: DataFolder, problems: DataProblem[]): Promise<Map<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>()
  for (const file of [...folder.others].filter((each) => /\/(classes\.txt|(data|dataset)\.ya?ml)$/i.test(`/${each}`))) {
    try {
      const text = (await readFile(file, 'utf8')).replace(/^\uFEFF/, '')
      const names = file.toLowerCase().endsWith('.txt') ? text.trimEnd().split(/\r?\n/) : yamlNames(text)
      if (names.length === 0 || names.some((each) => typeof each !== 'string')) throw new Error('it names no classes')
      const isText = file.toLowerCase().endsWith('.txt')
      if (isText || !found.has(dirname(file)))
        found.set(
          dirname(file),
          names.map((each) => each.trim()),
        )
    } catch (error) {
      problems.push({ where: relative(folder.root, file), what: `cannot be read: ${(error as Error).message}` })
    }
  }
  return found
}

function yamlNames(text: string): string[] {
  const names: unknown = (parse(text) as { names?: unknown } | null)?.names
  if (Array.isArray(names)) return names.map(String)
  if (typeof names !== 'object' || names === null) return []
  const list: string[] = []
  for (const [key, value] of Object.entries(names)) list[Number(key)] = String(value)
  return Array.from(list, (name, i) => name ?? `class ${i}`)
}
