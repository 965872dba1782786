import type { Codec } from './codec.ts'
import { gridgateJson } from './gridgate-json.ts'

/** Every codec a device may name. */
export const codecs: readonly Codec[] = [gridgateJson]
