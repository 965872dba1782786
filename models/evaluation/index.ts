import type { Evaluator } from './evaluator.ts'
import { lift } from './lift.ts'

/** Every model `npm run evaluate` can measure. */
export const evaluators: readonly Evaluator[] = [lift]
