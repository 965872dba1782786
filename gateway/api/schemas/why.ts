import { Type } from 'typebox'

/** A sentence in data: the key of a message and its parameters. */
export const Why = Type.Object(
  { key: Type.String() },
  { additionalProperties: Type.Union([Type.String(), Type.Number()]) },
)
export type Why = { key: string; [parameter: string]: string | number }
