import { Type } from 'typebox'
import { Id } from './schemas/index.ts'

/** Path parameters of one thing. */
export const Params = Type.Object({ id: Id })

/** Query fields of a paged list. */
export const PageQuery = {
  before: Type.Optional(Type.String({ maxLength: 256, description: '`nextBefore` of the page before' })),
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 100 }),
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** A copy without the fields that are undefined. */
export function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Defined<T>
}
