import { asGuessed, wrongMessage } from '../../core/message-words.ts'
import type { Codec, Decode } from './codec.ts'
import { noOptions } from './no-options.ts'

/** Recognises the family by topic and payload, and lets its codec read the message. The first that does wins. */
export function createAuto(families: readonly Codec[]): Codec {
  const withDecoders = (decoderOf: (codec: Codec) => Decode): Decode => {
    const known = families.map((codec) => ({ codec, decode: decoderOf(codec) }))
    return (message, route) => {
      for (const { codec, decode } of known) {
        if (!codec.recognises(message, route)) continue
        const decoded = decode(message, route)
        return 'notUnderstood' in decoded
          ? { notUnderstood: asGuessed(codec.kind, decoded.notUnderstood) }
          : { family: codec.kind, ...decoded }
      }
      return { notUnderstood: wrongMessage('no-family', { families: families.map(({ kind }) => kind).join(', ') }) }
    }
  }
  return {
    kind: 'auto',
    options: noOptions,
    filters: [],
    recognises: () => true,
    decode: withDecoders((codec) => codec.decode),
    createSession: () => withDecoders((codec) => codec.createSession?.() ?? codec.decode),
  }
}
