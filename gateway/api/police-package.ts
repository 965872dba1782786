import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Type } from 'typebox'
import type { Alarm, Evidence } from '../core/alarm.ts'
import type { JournalEntry } from '../core/journal.ts'
import { refuse } from '../core/refusal.ts'
import type { ThrowReport } from '../core/throw.ts'
import { admins, whoOf } from './access.ts'
import type { Audit } from './audit.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { policeReport } from './police-report.ts'
import { notFound, refused } from './problem.ts'
import { Params } from './query.ts'
import { toInstant } from './schemas/index.ts'
import { type TarEntry, tar } from './tar.ts'

interface Kept {
  name: string
  path: string
  evidence: Evidence
}

/** `/alarms/:id/police-package`: everything about one throw in one archive, with its proof. Who took it is recorded. */
export function policePackageRoutes(app: ApiApp, options: ApiOptions, audit: Audit): void {
  const { store, now } = options

  app.get(
    '/alarms/:id/police-package',
    {
      config: { access: admins },
      schema: {
        summary: 'What the police need of a thrown object',
        description:
          'A tar: the clip and the picture as they were kept (unmasked), track and calibration, the rows of the journal with their hashes, SHA256SUMS, and a report in Chinese to print. 409: the alarm is of something else, its clip is still being made, or a file is not what was kept.',
        tags: ['evidence'],
        params: Params,
        response: {
          200: {
            description: 'the archive',
            content: { 'application/x-tar': { schema: Type.Unsafe<Readable>({ type: 'string', format: 'binary' }) } },
          },
          ...problems(404, 409),
        },
      },
    },
    async (request, reply) => {
      const alarm = store.alarm(request.params.id)
      if (!alarm) throw notFound('alarm', request.params.id)
      const kept = keptOf(alarm, options)
      for (const { name, path, evidence } of kept)
        if ((await hashOf(path)) !== evidence.sha256)
          throw refused(refuse('evidence-changed', { name, id: evidence.id }))
      const track = kept.find(({ evidence }) => evidence.type === 'track')!
      const { throw: thrown } = JSON.parse(await readFile(track.path, 'utf8')) as { throw: ThrowReport }
      const picture = kept.find(({ evidence }) => evidence.type === 'snapshot')
      const rows = store.journalOf(alarm.id)
      const head = store.journal({ after: store.lastSeq - 1, limit: 1 })[0]!
      const at = now()
      const who = whoOf(request)

      const files = kept.map(({ name, evidence }) => ({
        name,
        bytes: evidence.bytes,
        sha256: evidence.sha256,
        evidence,
      }))
      const proof = dataEntry('journal.json', journalDocument(rows, head), at)
      const readMe = dataEntry('README.txt', instructions, at)
      const listed = [...files, summed(proof), summed(readMe)]
      const report = dataEntry(
        'report.html',
        policeReport({
          ...{ alarm, thrown, site: options.site, files: listed, madeAt: at, madeBy: who.name },
          journal: { first: rows[0]!.seq, last: rows.at(-1)!.seq, headSeq: head.seq, headHash: head.hash },
          timeZone: options.people.timeZone,
          ...(picture ? { picture: await readFile(picture.path) } : {}),
        }),
        at,
      )
      const sums = [...listed, summed(report)].map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('')
      audit.write('police-package', who.id, who.actor, {
        alarm: alarm.id,
        evidence: kept.map(({ evidence }) => evidence.id),
        sumsSha256: createHash('sha256').update(sums).digest('hex'),
      })
      const entries: TarEntry[] = [
        report,
        readMe,
        ...kept.map(({ name, path, evidence }) => ({ name, path, bytes: evidence.bytes, at: evidence.createdAt })),
        proof,
        dataEntry('SHA256SUMS', sums, at),
      ]
      const day = toInstant(alarm.raisedAt).slice(0, 10)
      const fileName = `high-rise-throwing-${day}-${alarm.id}.tar`.replace(/[^\w.-]/g, '_')
      return reply
        .type('application/x-tar')
        .header('cache-control', 'no-store')
        .header('content-disposition', `attachment; filename="${fileName}"`)
        .send(Readable.from(tar(entries)))
    },
  )
}

/** The files of the archive. @throws {Problem} where the alarm has none, or not yet */
function keptOf(alarm: Alarm, { evidence, store }: ApiOptions): Kept[] {
  const names = [
    { type: 'clip', name: 'clip-original.mp4', isRestricted: true },
    { type: 'snapshot', name: 'trajectory.jpg', isRestricted: true },
    { type: 'track', name: 'track-and-calibration.json', isRestricted: false },
  ] as const
  if (!alarm.evidence.some(({ type }) => type === 'track')) throw refused(refuse('no-track'))
  return names.map(({ type, name, isRestricted }) => {
    const found = alarm.evidence.find((each) => each.type === type && (each.isRestricted === true) === isRestricted)
    if (!found) throw refused(refuse('evidence-missing', { name }))
    const row = store.evidence(found.id) ?? found
    const path = evidence.path(row)
    if (!path) throw refused(refuse('evidence-gone', { name }))
    return { name, path, evidence: row }
  })
}

function journalDocument(rows: readonly JournalEntry[], head: JournalEntry): string {
  const proof = {
    rule: 'hash = SHA-256(previousHash + "\\n" + canonical JSON of { actor, at, data, seq, subject, topic, transition }), UTF-8, lower-case hex',
    head: { seq: head.seq, at: head.at, hash: head.hash },
    rows,
  }
  return `${JSON.stringify(proof, null, 2)}\n`
}

function dataEntry(name: string, text: string, at: number) {
  return { name, at, data: Buffer.from(text) }
}

function summed({ name, data }: { name: string; data: Buffer }) {
  return { name, bytes: data.length, sha256: createHash('sha256').update(data).digest('hex') }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

const instructions = `高空抛物材料包 / Package of a thrown object

校验文件 / Check the files:            sha256sum -c SHA256SUMS
report.html                 报告，可打印（A4）/ report to print
clip-original.mp4           原始录像，前后各十秒 / the clip as recorded, ten seconds either side
trajectory.jpg              轨迹合成图 / picture with the path drawn over it
track-and-calibration.json  轨迹与标定 / track and calibration
journal.json                日志记录及哈希 / rows of the journal with their hashes

journal.json：每条记录的 hash 可按其中 rule 重新计算；keys 按字母排序、无空白即为 canonical JSON。
evidence-added 记录中的 sha256 与本包文件一致。整条链在网关上用 npx gridgate verify 校验，应含 head 所列的末条哈希。
Each row's hash can be computed anew by the rule in it; canonical JSON has sorted keys and no white space. The sha256 in
its evidence-added rows are those of the files here. The whole chain is checked on the gateway: npx gridgate verify.
`
