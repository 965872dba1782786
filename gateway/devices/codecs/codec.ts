/** What a payload says, before device and receipt time are added. */
export interface Reading {
  metric: string
  value: number | boolean | string
}

export type Decoded =
  | { readings: Reading[] /** When the device says it was taken, epoch ms. */; deviceAt?: number }
  /** In words an integrator can act on: what was expected and what came. */
  | { notUnderstood: string }

/** Turns payloads of one family into readings. Pure: no clock, no state, never throws on rubbish. */
export interface Codec {
  readonly kind: string
  decode(payload: Uint8Array): Decoded
}
