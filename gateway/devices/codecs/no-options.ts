import { Type } from 'typebox'

/** Of codecs that need no telling. */
export const noOptions = Type.Object({}, { additionalProperties: false, default: {} })
