import { readFile } from 'node:fs/promises'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { ConfigError } from '../core/errors.ts'
import { type FeatureName, featureNames } from './features.ts'

/**
 * Boosted trees as parallel lists: node i asks whether feature[i] < threshold[i] and goes on at 2i+1 (yes) or 2i+2
 * (no); a missing value goes where `missingLeft` says. A leaf has feature −1 and its value in `value`.
 */
const tree = Type.Object({
  feature: Type.Array(Type.Integer()),
  threshold: Type.Array(Type.Number()),
  missingLeft: Type.Array(Type.Integer()),
  value: Type.Array(Type.Number()),
})

export const fallingModel = Type.Object({
  name: Type.String(),
  version: Type.String(),
  task: Type.Literal('falling-track'),
  features: Type.Array(Type.String()),
  /** Log-odds every sum of trees begins with. */
  bias: Type.Number(),
  trees: Type.Array(tree),
  /** From this probability on a fall is a throw. */
  threshold: Type.Number({ minimum: 0, maximum: 1 }),
  licence: Type.String(),
  source: Type.String(),
})

export type FallingModel = Static<typeof fallingModel>

export interface TrackClassifier {
  readonly model: string
  readonly threshold: number
  /** Probability of a throw, 0…1. */
  score(features: Record<FeatureName, number>): number
}

/** @throws ConfigError when the file is missing, no such model, or made for other features */
export async function loadFallingModel(file: string): Promise<FallingModel> {
  let document: unknown
  try {
    document = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new ConfigError(file, [{ path: '', message: `cannot be read: ${(error as Error).message}` }])
  }
  return checkFallingModel(file, document)
}

/**
 * @param file for the words of an error
 * @throws ConfigError when the document is no such model, or made for other features
 */
export function checkFallingModel(file: string, read: unknown): FallingModel {
  if (!Value.Check(fallingModel, read)) {
    const first = [...Value.Errors(fallingModel, read)][0]
    throw new ConfigError(file, [{ path: '', message: `is no falling-track model: ${first?.message ?? ''}` }])
  }
  const unknown = read.features.filter((name) => !featureNames.some((each) => each === name))
  if (unknown.length > 0)
    throw new ConfigError(file, [
      { path: '', message: `wants features this version does not know: ${unknown.join(', ')}` },
    ])
  return read
}

export function createClassifier(model: FallingModel): TrackClassifier {
  const names = model.features as FeatureName[]
  return {
    model: `${model.name} ${model.version}`,
    threshold: model.threshold,
    score(features) {
      const values = names.map((name) => features[name])
      const sum = model.trees.reduce((total, each) => total + leafOf(each, values), model.bias)
      return 1 / (1 + Math.exp(-sum))
    },
  }
}

/** What one tree says about a row of features in the model's order. */
export function leafOf(each: Static<typeof tree>, values: readonly number[]): number {
  let node = 0
  while (each.feature[node]! >= 0) {
    const value = values[each.feature[node]!]!
    const isLeft = Number.isNaN(value) ? each.missingLeft[node] === 1 : value < each.threshold[node]!
    node = 2 * node + (isLeft ? 1 : 2)
  }
  return each.value[node]!
}
