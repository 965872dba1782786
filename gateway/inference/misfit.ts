import type { ConfigProblem } from '../core/errors.ts'
import { wrongField } from '../core/field-words.ts'

/** A model and its model.json do not fit each other, or the runtime cannot load the model. */
export class Misfit extends Error {
  readonly problem: ConfigProblem
  constructor(problem: ConfigProblem) {
    super(problem.path ? `${problem.path}: ${problem.message}` : problem.message)
    this.name = 'Misfit'
    this.problem = problem
  }
}

/** @param path keys of model.json that are to be changed; empty where none is to blame */
export function misfit(path: string, ...words: Parameters<typeof wrongField>): Misfit {
  return new Misfit({ path, ...wrongField(...words) })
}

/** Why a model cannot be used, whatever was thrown. */
export function misfitOf(error: unknown): Misfit {
  if (error instanceof Misfit) return error
  return misfit('', 'model-unloadable', { said: error instanceof Error ? error.message : String(error) })
}
