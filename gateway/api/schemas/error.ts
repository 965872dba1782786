import { type Static, Type } from 'typebox'
import { Why } from './why.ts'

/**
 * `refused`: the rules of alarms and cases say no (409; the message is for people).
 * `unavailable`: something behind the gateway does not answer (502, 503); trying again may help.
 * `internal`: a fault of the gateway; its log says more.
 */
export const errorCodes = [
  'not-found',
  'refused',
  'invalid',
  'unauthenticated',
  'forbidden',
  'too-many',
  'unavailable',
  'internal',
] as const
export const ErrorCode = Type.Enum([...errorCodes])
export type ErrorCode = (typeof errorCodes)[number]

/** Where in a request the fault lies, e.g. `{ field: 'body.until', message: 'must match format "date-time"' }`. */
export const FieldError = Type.Object({
  field: Type.String(),
  message: Type.String(),
  phrase: Type.Optional(Type.Unsafe<Why>({ ...Why, description: 'the message for translation' })),
})
export type FieldError = Static<typeof FieldError>

export const ErrorBody = Type.Object(
  {
    error: Type.Object({
      code: ErrorCode,
      message: Type.String(),
      phrase: Type.Optional(
        Type.Unsafe<Why>({ ...Why, description: 'the message for translation, where it has a key' }),
      ),
      details: Type.Optional(Type.Array(FieldError)),
    }),
  },
  { title: 'Error' },
)
export type ErrorBody = Static<typeof ErrorBody>
