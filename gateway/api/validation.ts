import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'
import { Problem } from './problem.ts'
import type { FieldError } from './schemas/index.ts'

type ValidationError = ReturnType<typeof Value.Errors>[number]

const partNames: Record<string, string> = { querystring: 'query' }

/** The faults of one part of a request, each at the field a person would look for. */
function fieldErrors(part: string, errors: readonly ValidationError[]): FieldError[] {
  return errors.flatMap((error): FieldError[] => {
    const field = part + error.instancePath.replaceAll('/', '.')
    switch (error.keyword) {
      case 'boolean':
        return []
      case 'required':
        return error.params.requiredProperties.map((name) => ({
          ...{ field: `${field}.${name}`, message: 'is missing' },
          phrase: { key: 'missing' },
        }))
      case 'additionalProperties':
        return error.params.additionalProperties.map((name) => ({
          field: `${field}.${name}`,
          message: 'is not known here',
          phrase: { key: 'unknown' },
        }))
      case 'enum':
        return [
          {
            ...{ field, message: `must be one of ${error.params.allowedValues.join(', ')}` },
            phrase: { key: 'one-of', values: error.params.allowedValues.join(', ') },
          },
        ]
      default:
        return [{ field, message: error.message, phrase: { key: 'wrong', ...limitOf(error) } }]
    }
  })
}

/** What a length or a number must keep to: `minLength` and 12, by the name of the rule. */
function limitOf({ keyword, params }: ValidationError): Record<string, string | number> {
  const { limit } = params as { limit?: unknown }
  return typeof limit === 'number' ? { key: keyword, limit } : {}
}

/**
 * Checks one part of a request against its schema. Query and path values are converted from text and completed with
 * defaults; a body is taken as it is: JSON has types. An unknown body field is an error, never silently dropped.
 */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema)
  const part = partNames[httpPart ?? ''] ?? httpPart ?? 'request'
  return (input) => {
    const value = httpPart === 'body' ? input : Value.Convert(schema, Value.Default(schema, { ...(input as object) }))
    if (validator.Check(value)) return { value }
    const details = fieldErrors(part, validator.Errors(value))
    const first = details[0] ?? { field: part, message: 'is not valid' }
    return { error: new Problem(400, 'invalid', `${first.field} ${first.message}`, { details }) }
  }
}
