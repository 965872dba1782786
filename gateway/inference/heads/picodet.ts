import { boxChannels, createDistanceReader, type DistanceOptions, gridLevels } from './grid.ts'
import { type Candidate, defineHead, floatsOfShape, pickOutput } from './head.ts'

type Options = DistanceOptions & { outputs?: { scores: string[]; boxes: string[] } }

/**
 * PicoDet without its post-processing: per level one score tensor [1, cells, labels] and one box tensor
 * [1, cells, 4·(regMax+1)]. Unless `outputs` names them, all score tensors come first, finest level first.
 */
export const picodet = defineHead<Options>({
  family: 'picodet',
  create(options, context) {
    const levels = gridLevels(context, options.strides)
    const labels = context.labels.length
    const boxStep = boxChannels(options)
    const read = createDistanceReader(options, context)
    return {
      needsSuppression: true,
      sideInputs: [],
      decode(outputs) {
        const found: Candidate[] = []
        for (const [i, level] of levels.entries()) {
          const cells = level.columns * level.rows
          const scores = pickOutput(outputs, options.outputs?.scores[i], i)
          const boxes = pickOutput(outputs, options.outputs?.boxes[i], levels.length + i)
          const values = {
            scores: floatsOfShape(scores, [1, cells, labels], `labels (${labels}), head.strides`),
            scoresStart: 0,
            scoresStep: labels,
            boxes: floatsOfShape(boxes, [1, cells, boxStep], 'head.regMax, head.boxes, head.strides'),
            boxesStart: 0,
            boxesStep: boxStep,
          }
          read(level, values, found)
        }
        return found
      },
    }
  },
})
