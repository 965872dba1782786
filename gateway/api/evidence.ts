import type { ReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Type } from 'typebox'
import { staffAndBridge, whoOf } from './access.ts'
import type { Audit } from './audit.ts'
import { parseRange } from './byte-range.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { notFound, Problem, windowsStayMasked } from './problem.ts'
import { Params } from './query.ts'
import { toInstant } from './schemas/index.ts'

const Query = Type.Object({
  download: Type.Optional(Type.Boolean({ description: 'offer it as a file to keep; recorded as a download' })),
})

const file = {
  description: 'the file',
  content: { '*/*': { schema: Type.Unsafe<ReadStream | null>({ type: 'string', format: 'binary' }) } },
}

/** `/evidence/:id`: the file of a snapshot or clip. Who saw what is recorded. */
export function evidenceRoutes(app: ApiApp, { store, evidence }: ApiOptions, audit: Audit): void {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/evidence/:id',
    config: { access: staffAndBridge },
    schema: {
      summary: 'A snapshot or clip, whole or a range of it',
      tags: ['evidence'],
      params: Params,
      querystring: Query,
      response: {
        200: file,
        206: file,
        304: { description: 'unchanged: the client has it', type: 'null' },
        416: { description: 'no such range', type: 'null' },
        ...problems(404),
        410: { description: 'deleted when its retention ended', type: 'null' },
      },
    },
    handler: async (request, reply) => {
      const row = store.evidence(request.params.id)
      if (!row) throw notFound('evidence', request.params.id)
      const who = whoOf(request)
      if (row.isRestricted && who.role !== 'admin') throw windowsStayMasked()
      if (row.deletedAt !== undefined)
        throw new Problem(
          410,
          'not-found',
          `evidence ${row.id} was deleted at ${toInstant(row.deletedAt)}: its retention ended`,
        )
      const path = evidence.path(row)
      const handle = path ? await open(path).catch(() => undefined) : undefined
      if (!handle) throw new Problem(404, 'not-found', `the file of evidence ${row.id} is gone`)

      const etag = `"${row.sha256}"`
      const size = (await handle.stat()).size
      const { range, 'if-range': ifRange, 'if-none-match': ifNoneMatch } = request.headers
      reply.headers({
        'content-type': row.contentType,
        'accept-ranges': 'bytes',
        'cache-control': row.isRestricted ? 'no-store' : 'private, max-age=86400',
        'last-modified': new Date(row.createdAt).toUTCString(),
        etag,
      })
      if (ifNoneMatch?.split(/\s*,\s*/).some((tag) => tag.replace(/^W\//, '') === etag)) {
        await handle.close()
        return reply.code(304).send(null)
      }
      const part = range && (ifRange === undefined || ifRange === etag) ? parseRange(range, size) : 'whole'
      if (part === 'unsatisfiable') {
        await handle.close()
        return reply.code(416).header('content-range', `bytes */${size}`).send(null)
      }
      const { start, end } = part === 'whole' ? { start: 0, end: size - 1 } : part
      const isDownload = request.query.download === true
      const facts = { id: row.id, evidence: row.id, camera: row.camera }
      if (row.isRestricted) audit.write('evidence-unmasked', who.id, who.actor, { ...facts, isDownload })
      else audit.look(isDownload ? 'evidence-downloaded' : 'evidence-viewed', who.id, who.actor, facts)
      reply.header('content-length', end - start + 1)
      if (part !== 'whole') reply.code(206).header('content-range', `bytes ${start}-${end}/${size}`)
      const name = `${row.id}.${row.file.split('.').pop()}`.replace(/[^\w.-]/g, '_')
      reply.header('content-disposition', `${isDownload ? 'attachment' : 'inline'}; filename="${name}"`)
      if (request.method === 'HEAD' || size === 0) {
        await handle.close()
        return reply.send(null)
      }
      return reply.send(handle.createReadStream({ start, end }))
    },
  })
}
