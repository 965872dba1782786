import type { TSchema } from 'typebox'

/** One driver = one file = one object. `create` only stores; it touches neither network nor disk. */
export interface Driver<Options, Context, Instance> {
  readonly kind: string
  /** TypeBox schema of the driver's options, with defaults; part of the site file's schema. */
  readonly options: TSchema
  create(options: Options, context: Context): Instance
}

/** Looks a driver up in an explicit list. The list is the registry; there is no discovery. */
export function findDriver<D extends { kind: string }>(drivers: readonly D[], kind: string): D | undefined {
  return drivers.find((driver) => driver.kind === kind)
}
