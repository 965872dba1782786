import { stat } from 'node:fs/promises'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { quantile } from './report.ts'

const warmUps = 5

export interface ModelTiming {
  bytes: number
  /** Of the first input, as text. */
  input: string
  p50Ms: number
  /** The quickest run: what is left when other programs want the core as well. */
  fastestMs: number
}

/**
 * What one run of a model costs on one thread, the runtime alone, on noise of its own input shape. Open dimensions
 * count as one; whole-number inputs (picture sizes of DETR exports) are filled with the input's own size.
 * @throws Error when the runtime refuses the file
 */
export async function timeModel(file: string, runs: number): Promise<ModelTiming> {
  const session = await InferenceSession.create(file, {
    ...{ intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 },
    ...{ executionMode: 'sequential', graphOptimizationLevel: 'all' },
  })
  try {
    const shapes = session.inputMetadata.map((metadata) => ({
      name: metadata.name,
      type: metadata.isTensor ? metadata.type : 'unknown',
      dims: metadata.isTensor ? metadata.shape.map((size) => (typeof size === 'number' && size > 0 ? size : 1)) : [],
    }))
    const [first] = shapes
    const feeds = Object.fromEntries(
      shapes.map(({ name, type, dims }) => {
        const length = dims.reduce((product, size) => product * size, 1)
        if (type === 'int64') {
          const side = BigInt(first!.dims.at(-1) ?? 1)
          return [name, new Tensor('int64', new BigInt64Array(length).fill(side), dims)]
        }
        return [
          name,
          new Tensor(
            'float32',
            Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898)),
            dims,
          ),
        ]
      }),
    )
    const times: number[] = []
    for (let run = 0; run < warmUps + runs; run++) {
      const startedAt = performance.now()
      await session.run(feeds)
      if (run >= warmUps) times.push(performance.now() - startedAt)
    }
    return {
      bytes: (await stat(file)).size,
      input: first!.dims.join('×'),
      p50Ms: quantile(times, 0.5),
      fastestMs: Math.min(...times),
    }
  } finally {
    await session.release()
  }
}
