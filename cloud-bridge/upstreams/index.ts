import type { Upstream, UpstreamContext, UpstreamOptions } from '../upstream.ts'
import { gridRest } from './grid-rest.ts'

/** One dialect: its name in the configuration and how to make it. `create` touches neither network nor disk. */
export interface Dialect {
  kind: string
  create(options: UpstreamOptions, context: UpstreamContext): Upstream
}

/** The list is the registry. */
export const dialects: readonly Dialect[] = [gridRest]
