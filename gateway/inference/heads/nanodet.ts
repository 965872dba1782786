import { boxChannels, createDistanceReader, type DistanceOptions, gridLevels } from './grid.ts'
import { type Candidate, defineHead, floatsOfShape, pickOutput } from './head.ts'

type Options = DistanceOptions & { output?: string }

/**
 * NanoDet and NanoDet-Plus: one tensor [1, cells, labels + 4·(regMax+1)], all levels one after the other.
 * The defaults are those of the upstream ONNX export (sigmoid applied, distribution raw, points at cell corners).
 */
export const nanodet = defineHead<Options>({
  family: 'nanodet',
  create(options, context) {
    const levels = gridLevels(context, options.strides)
    const cells = levels.reduce((sum, level) => sum + level.columns * level.rows, 0)
    const labels = context.labels.length
    const step = labels + boxChannels(options)
    const read = createDistanceReader(options, context)
    return {
      needsSuppression: true,
      sideInputs: [],
      decode(outputs) {
        const output = pickOutput(outputs, options.output, 0)
        const because = `labels (${labels}), head.regMax, head.boxes, head.strides`
        const data = floatsOfShape(output, [1, cells, step], because)
        const found: Candidate[] = []
        let start = 0
        for (const level of levels) {
          const values = {
            scores: data,
            scoresStart: start,
            scoresStep: step,
            boxes: data,
            boxesStart: start + labels,
            boxesStep: step,
          }
          read(level, values, found)
          start += level.columns * level.rows * step
        }
        return found
      },
    }
  },
})
