import { type Candidate, defineHead, floatsOfShape, pickOutput } from './head.ts'

interface Options {
  sizeInput: string
  boxes: 'pixel' | 'fraction'
  outputs: { labels: string; boxes: string; scores: string }
}

/**
 * DETR-like models exported with their post-processor (RT-DETR, D-FINE, DEIM): a fixed number of queries, each with
 * label, box (left, top, right, bottom) and score; one query per object, so nothing is to be suppressed.
 * `sizeInput` is told the size of the model's input picture where the model asks for it, so that boxes come back in
 * the pixels every other head uses.
 */
export const detr = defineHead<Options>({
  family: 'detr',
  create(options, context) {
    const { thresholds } = context
    const scaleX = options.boxes === 'fraction' ? context.width : 1
    const scaleY = options.boxes === 'fraction' ? context.height : 1
    const size = BigInt64Array.of(BigInt(context.width), BigInt(context.height))
    return {
      needsSuppression: false,
      sideInputs: [{ name: options.sizeInput, dims: [1, 2], data: size }],
      decode(outputs) {
        const labels = pickOutput(outputs, options.outputs.labels, 0)
        const queries = labels.dims[1] ?? 0
        const because = `"${labels.name}" (${queries})`
        const boxes = floatsOfShape(pickOutput(outputs, options.outputs.boxes, 1), [1, queries, 4], because)
        const scores = floatsOfShape(pickOutput(outputs, options.outputs.scores, 2), [1, queries], because)
        const found: Candidate[] = []
        for (let i = 0; i < queries; i++) {
          const label = Number(labels.data[i])
          const threshold = thresholds[label]
          // A label past the manifest's list is one the site did not name: it is not reported.
          if (threshold === undefined || scores[i]! < threshold) continue
          found.push({
            label,
            score: scores[i]!,
            left: boxes[i * 4]! * scaleX,
            top: boxes[i * 4 + 1]! * scaleY,
            right: boxes[i * 4 + 2]! * scaleX,
            bottom: boxes[i * 4 + 3]! * scaleY,
          })
        }
        return found
      },
    }
  },
})
