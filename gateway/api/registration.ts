import { Type } from 'typebox'
import { isRefusal, type Refusal } from '../core/alarm.ts'
import type { FieldProblem, ImportProblem } from '../core/registration.ts'
import { admins, staff, whoOf } from './access.ts'
import type { Audit } from './audit.ts'
import { decodeSheet } from './csv.ts'
import { readSheet, writeSheet } from './device-sheet.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { notFound, Problem, refused } from './problem.ts'
import { Params } from './query.ts'
import { DeviceChange, ImportReport, MqttCredentials, NewDevice, RegisteredDevice } from './schemas/index.ts'

/** A table of twenty thousand devices. */
const sheetLimitBytes = 8 * 1024 * 1024
/** So many problems are told; who has more begins with these. */
const toldProblems = 200

/** `/devices`: registering, changing and removing them, one by one or as a table. */
export function registrationRoutes(app: ApiApp, { devices }: ApiOptions, audit: Audit): void {
  const { registrar } = devices
  if (!registrar) return
  const tags = ['devices']

  /** The answer, or the problem it stands for. */
  function settled<T>(outcome: T | Refusal | { problems: FieldProblem[] } | undefined, id: string): T {
    if (outcome === undefined) throw notFound('device', id)
    if (isRefusal(outcome)) throw refused(outcome)
    if (typeof outcome === 'object' && outcome !== null && 'problems' in outcome) throw wrong(outcome.problems)
    return outcome as T
  }

  app.post(
    '/devices',
    {
      config: { access: admins },
      schema: {
        summary: 'Register a device; it is live at once',
        description: 'Answers its MQTT credentials, this once, where it logs in to the embedded broker itself.',
        tags,
        body: NewDevice,
        response: { 201: RegisteredDevice, ...problems(409) },
      },
    },
    async (request, reply) => {
      const { body } = request
      return reply.code(201).send(settled(await registrar.add(body, whoOf(request).actor), body.id) as never)
    },
  )

  app.patch(
    '/devices/:id',
    {
      config: { access: admins },
      schema: {
        summary: 'Change a registered device',
        description: 'Where it stands somewhere else or is of another kind, its open alarms end.',
        tags,
        params: Params,
        body: DeviceChange,
        response: { 200: RegisteredDevice, ...problems(404, 409) },
      },
    },
    async (request) => {
      const { id } = request.params
      return settled(await registrar.change(id, request.body, whoOf(request).actor), id) as never
    },
  )

  app.delete(
    '/devices/:id',
    {
      config: { access: admins },
      schema: {
        summary: 'Remove a registered device: its open alarms end, and its login',
        tags,
        params: Params,
        response: { 204: Type.Null({ description: 'removed' }), ...problems(404, 409) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      settled(await registrar.remove(id, whoOf(request).actor), id)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/devices/:id/credentials',
    {
      config: { access: admins },
      schema: {
        summary: 'New MQTT credentials, told this once; the old ones end',
        tags,
        params: Params,
        response: { 200: MqttCredentials, ...problems(404, 409) },
      },
    },
    async (request) => {
      const { id } = request.params
      return settled(await registrar.renewCredentials(id, whoOf(request).actor), id)
    },
  )

  app.get(
    '/devices.csv',
    {
      config: { access: staff },
      schema: { summary: 'Every device as a table (UTF-8 with byte order mark)', tags },
    },
    async (request, reply) => {
      const rows = new Map(devices.list().map((row) => [row.id, row]))
      audit.look('devices-exported', 'devices', whoOf(request).actor, { id: 'devices' })
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', 'attachment; filename="devices.csv"')
        .send(Buffer.from(writeSheet(registrar.written(), (id) => rows.get(id))))
    },
  )

  void app.register(async (scope) => {
    scope.addContentTypeParser('text/csv', { parseAs: 'buffer', bodyLimit: sheetLimitBytes }, (_request, body, done) =>
      done(null, decodeSheet(body as Buffer)),
    )
    ;(scope as ApiApp).post(
      '/devices/import',
      {
        bodyLimit: sheetLimitBytes,
        config: { access: admins },
        schema: {
          summary: 'Register and change devices by a table: all of it or, where one line is wrong, nothing',
          description: 'text/csv with the columns of `GET /devices.csv`. 400 names every problem with its line.',
          tags,
          consumes: ['text/csv'],
          body: Type.String({ description: 'the table' }),
          querystring: Type.Object({
            dryRun: Type.Boolean({ default: false, description: 'only tell what would happen' }),
          }),
          response: { 200: ImportReport },
        },
      },
      async (request) => {
        const rows = readSheet(request.body)
        if ('problems' in rows) throw wrongLines(rows.problems)
        const isDryRun = request.query.dryRun === true
        const report = await registrar.importAll(rows, { isDryRun }, whoOf(request).actor)
        if ('problems' in report) throw wrongLines(report.problems)
        return { isDryRun, ...report }
      },
    )
  })
}

function wrong(all: readonly FieldProblem[]): Problem {
  const details = all.map(({ field, ...words }) => ({ field: field === '' ? 'body' : `body.${field}`, ...words }))
  const [first] = details
  return new Problem(400, 'invalid', first ? `${first.field} ${first.message}` : 'the device is not valid', { details })
}

function wrongLines(all: readonly ImportProblem[]): Problem {
  const details = all
    .slice(0, toldProblems)
    .map(({ line, field, ...words }) => ({ field: `line ${line}${field === '' ? '' : `: ${field}`}`, ...words }))
  const more = all.length > details.length ? `, of which the first ${details.length} are told` : ''
  const message = `nothing was imported: ${all.length} problems${more}`
  return new Problem(400, 'invalid', message, { details })
}
