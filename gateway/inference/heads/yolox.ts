import { gridLevels } from './grid.ts'
import { type Candidate, defineHead, floatsOfShape, pickOutput, sigmoid } from './head.ts'

interface Options {
  strides: number[]
  scores: 'probability' | 'logit'
  boxes: 'grid' | 'pixel'
  output?: string
}

/**
 * YOLOX: one tensor [1, cells, 5 + labels] of x, y, width, height, objectness, label scores; the score is
 * objectness · label. `boxes: grid` is the plain export, x = (value + column)·stride and width = exp(value)·stride;
 * `pixel` is the export that has this done (decode_in_inference).
 */
export const yolox = defineHead<Options>({
  family: 'yolox',
  create(options, context) {
    const levels = gridLevels(context, options.strides)
    const cells = levels.reduce((sum, level) => sum + level.columns * level.rows, 0)
    const { thresholds } = context
    const labels = context.labels.length
    const step = 5 + labels
    const lowest = thresholds.reduce((low, threshold) => Math.min(low, threshold), 1)
    const probability = options.scores === 'probability' ? (x: number) => x : sigmoid
    return {
      needsSuppression: true,
      sideInputs: [],
      decode(outputs) {
        const output = pickOutput(outputs, options.output, 0)
        const data = floatsOfShape(output, [1, cells, step], `labels (${labels}), head.strides`)
        const found: Candidate[] = []
        let at = 0
        for (const { stride, columns, rows } of levels) {
          for (let cell = 0; cell < columns * rows; cell++, at += step) {
            const objectness = probability(data[at + 4]!)
            // A label's score is at most 1, so the product cannot pass either.
            if (objectness < lowest) continue
            let best = -1
            let bestScore = 0
            for (let label = 0; label < labels; label++) {
              const score = objectness * probability(data[at + 5 + label]!)
              if (score >= thresholds[label]! && score > bestScore) {
                best = label
                bestScore = score
              }
            }
            if (best < 0) continue
            let x = data[at]!
            let y = data[at + 1]!
            let width = data[at + 2]!
            let height = data[at + 3]!
            if (options.boxes === 'grid') {
              x = (x + (cell % columns)) * stride
              y = (y + Math.floor(cell / columns)) * stride
              width = Math.exp(width) * stride
              height = Math.exp(height) * stride
            }
            found.push({
              label: best,
              score: bestScore,
              left: x - width / 2,
              top: y - height / 2,
              right: x + width / 2,
              bottom: y + height / 2,
            })
          }
        }
        return found
      },
    }
  },
})
