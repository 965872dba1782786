import { type TSchema, Type } from 'typebox'

/*
 * The `head` object of model.json, per family. The schemas stand apart from the heads because every worker thread
 * loads the heads, and loading the schema library would cost each thread more than loading its model does.
 */

const strides = (values: number[]) => Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1, default: values })
const scores = () => Type.Enum(['probability', 'logit'], { default: 'probability' })
const outputName = (name?: string) => Type.String({ minLength: 1, ...(name === undefined ? {} : { default: name }) })
const closed = { additionalProperties: false }

const distance = {
  strides: strides([8, 16, 32, 64]),
  regMax: Type.Integer({ minimum: 1, maximum: 64, default: 7 }),
  scores: scores(),
  boxes: Type.Enum(['distribution', 'distance'], { default: 'distribution' }),
}

/** Options of every head, keys are the families. */
export const headOptions: Readonly<Record<string, TSchema>> = {
  nanodet: Type.Object(
    {
      family: Type.Literal('nanodet'),
      ...distance,
      centre: Type.Enum(['corner', 'middle'], { default: 'corner' }),
      output: Type.Optional(outputName()),
    },
    closed,
  ),
  picodet: Type.Object(
    {
      family: Type.Literal('picodet'),
      ...distance,
      centre: Type.Enum(['corner', 'middle'], { default: 'middle' }),
      outputs: Type.Optional(
        Type.Object({ scores: Type.Array(outputName()), boxes: Type.Array(outputName()) }, closed),
      ),
    },
    closed,
  ),
  yolox: Type.Object(
    {
      family: Type.Literal('yolox'),
      strides: strides([8, 16, 32]),
      scores: scores(),
      boxes: Type.Enum(['grid', 'pixel'], { default: 'grid' }),
      output: Type.Optional(outputName()),
    },
    closed,
  ),
  detr: Type.Object(
    {
      family: Type.Literal('detr'),
      sizeInput: outputName('orig_target_sizes'),
      boxes: Type.Enum(['pixel', 'fraction'], { default: 'pixel' }),
      outputs: Type.Object(
        { labels: outputName('labels'), boxes: outputName('boxes'), scores: outputName('scores') },
        { ...closed, default: {} },
      ),
    },
    closed,
  ),
}
