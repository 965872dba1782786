import { adapt } from './adapt.ts'
import { all } from './all.ts'
import type { Evaluator } from './evaluator.ts'
import { fall } from './fall.ts'
import { fallingObject } from './falling-object.ts'
import { lift } from './lift.ts'

/** Every model `npm run evaluate` can measure. */
export const evaluators: readonly Evaluator[] = [lift, fall, fallingObject, adapt, all]
