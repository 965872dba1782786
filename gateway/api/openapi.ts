import swagger from '@fastify/swagger'
import { type TSchema, Type } from 'typebox'
import { type Access, everyone } from './access.ts'
import type { ApiApp } from './options.ts'
import * as wire from './schemas/index.ts'
import { ErrorBody } from './schemas/index.ts'

/** Schemas the document names once instead of repeating them: those of the wire that have a title. */
function namedSchemas(): Map<unknown, string> {
  const names = new Map<unknown, string>()
  for (const schema of Object.values(wire))
    if (typeof schema === 'object' && 'title' in schema && typeof schema.title === 'string')
      names.set(schema, schema.title)
  return names
}

/** The schema with every named one inside it replaced by a reference. */
function withReferences(schema: unknown, names: Map<unknown, string>, isTop: boolean): unknown {
  const name = names.get(schema)
  if (name && !isTop) return { $ref: `${name}#` }
  if (Array.isArray(schema)) return schema.map((item) => withReferences(item, names, false))
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withReferences(value, names, false)]))
}

const errorDescriptions: Record<number, string> = {
  400: 'invalid: `details` names the fields',
  401: 'unauthenticated',
  403: 'forbidden: wrong role, CSRF token or origin',
  404: 'not found',
  409: 'refused: the rules say no, `message` says why',
  429: 'too many: see Retry-After',
  500: 'internal',
  502: 'unavailable: a device behind the gateway does not answer',
  503: 'unavailable for now',
}

/** Error responses for a route's schema, beside those that every route has. */
export const problems = (...codes: Array<401 | 404 | 409 | 429 | 502 | 503>): Record<number, typeof ErrorBody> =>
  Object.fromEntries(codes.map((code) => [code, errorResponse(code)]))

const errorResponse = (code: number): TSchema & typeof ErrorBody =>
  ({ description: errorDescriptions[code], content: { 'application/json': { schema: ErrorBody } } }) as never

/** Records every route registered on `app` from here on. Roles and common errors come from the routes' own facts. */
export async function registerOpenapi(app: ApiApp): Promise<void> {
  const names = namedSchemas()
  for (const [schema, name] of names)
    app.addSchema({ $id: name, ...(withReferences(schema, names, true) as Record<string, unknown>) })

  app.addHook('onRoute', (route) => {
    const access = route.config?.access
    if (!access || !route.schema || route.schema.hide) return
    const isPublic = access === 'public'
    const codes = [...(isPublic ? [] : [401, 403]), 400, 500]
    route.schema = {
      ...route.schema,
      security: security(access),
      description: [route.schema.description, isPublic ? 'No login needed.' : `Roles: ${access.join(', ')}.`]
        .filter(Boolean)
        .join('\n\n'),
      response: {
        ...Object.fromEntries(codes.map((code) => [code, errorResponse(code)])),
        ...(route.schema.response as Record<string, unknown>),
      },
    }
  })

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'GridGate gateway',
        version: '1',
        description: 'Alarms, cases, cameras and devices of one residential compound.',
      },
      components: {
        securitySchemes: {
          session: { type: 'apiKey', in: 'cookie', name: wire.sessionCookie },
          bearer: { type: 'http', scheme: 'bearer' },
        },
      },
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => String(json.$id ?? `def-${index}`) },
    transform: ({ schema, url }) => ({ schema: withReferences(schema, names, true) as typeof schema, url }),
  })

  app.get(
    '/api/v1/openapi.json',
    {
      config: { access: everyone },
      schema: {
        summary: 'This description',
        tags: ['gateway'],
        response: { 200: Type.Record(Type.String(), Type.Unknown()) },
      },
    },
    async () => app.swagger() as unknown as Record<string, unknown>,
  )
}

const machines = new Set<string>(['bridge', 'metrics'])

const security = (access: Access): Array<Record<string, string[]>> => [
  ...(access !== 'public' && access.some((role) => !machines.has(role)) ? [{ session: [] }] : []),
  ...(access !== 'public' && access.some((role) => machines.has(role)) ? [{ bearer: [] }] : []),
]
