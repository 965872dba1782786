import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { isRefusal } from '../core/alarm.ts'
import type { AnswerType } from '../core/escalation.ts'
import { createWallClock } from '../core/rota.ts'
import { type AnswerPageFacts, answerPage, plainPage } from './answer-page.ts'
import type { ApiApp, ApiOptions } from './options.ts'

const Token = Type.Object({ token: Type.String({ minLength: 1, maxLength: 2000 }) })
const answerTypes: ReadonlySet<string> = new Set(['answered', 'arrived', 'resolved'])

/**
 * `/answer/<token>`: the page behind the link of a message, for people who are not logged in.
 *
 * GET shows it and answers nothing: chat programs and mail filters fetch links before people do. It notes "seen" only
 * when a browser says that it opens a page (Fetch Metadata, which fetchers do not send); "seen" ends nothing either.
 * POST is an answer. Each button of a link works once; when the alarm is resolved or a day has passed, none does.
 */
export function answerRoutes(app: ApiApp, { store, people, site }: ApiOptions): void {
  const wallClock = createWallClock(people.timeZone)
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: 1024 },
    (_, body, done) => done(null, Object.fromEntries(new URLSearchParams(body as string))),
  )

  const send = (reply: FastifyReply, status: number, body: string) =>
    reply
      .code(status)
      .headers({
        'cache-control': 'no-store',
        // Without an origin in its POST the form would be taken for another site's; the token goes nowhere else.
        'referrer-policy': 'same-origin',
        'x-robots-tag': 'noindex, nofollow',
      })
      .type('text/html; charset=utf-8')
      .send(body)

  const timeOf = (at: number) => {
    const { minute } = wallClock(at)
    return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
  }

  /** The alarm of a token with what the page says of it; undefined after a page that says why not was sent. */
  function open(request: FastifyRequest, reply: FastifyReply): AnswerPageFacts | undefined {
    const found = people.links.read((request.params as { token: string }).token)
    if (isRefusal(found)) {
      const isOld = found.phrase?.key === 'link-expired'
      const text = isOld
        ? { zh: '链接已过期，请登录控制台或致电控制室', en: 'This link has expired: log in or call the control room' }
        : { zh: '链接无效，请使用消息里的完整链接', en: 'This link is not valid: use the whole link of the message' }
      send(reply, isOld ? 410 : 404, plainPage(text))
      return undefined
    }
    const alarm = store.alarm(found.alarm)
    if (!alarm) {
      send(reply, 404, plainPage({ zh: '没有这条警报', en: 'There is no such alarm' }))
      return undefined
    }
    const elder = people.elders.find(({ id }) => id === alarm.person)
    const isOver = alarm.response?.state === 'resolved'
    return {
      alarm,
      person: found.person,
      kind: people.describeKind(alarm.kind),
      // What is over needs no address and no name any more.
      place: isOver ? site.name : people.describePlace(alarm.place),
      ...(elder && !isOver ? { elder: elder.name } : {}),
      time: timeOf,
      nameOf: (by) => people.persons.find(({ id }) => id === by)?.name ?? '控制室 / control room',
    }
  }

  app.get(
    '/answer/:token',
    { config: { access: 'public' }, schema: { summary: 'The page behind an answer link', hide: true, params: Token } },
    async (request, reply) => {
      const facts = open(request, reply)
      if (!facts) return reply
      if (isBrowserOpening(request)) people.responses.seen(facts.alarm.id, facts.person)
      return send(reply, 200, answerPage(facts))
    },
  )

  app.post(
    '/answer/:token',
    { config: { access: 'public' }, schema: { summary: 'The answer of a person', hide: true, params: Token } },
    async (request, reply) => {
      const facts = open(request, reply)
      if (!facts) return reply
      const { action } = (request.body ?? {}) as { action?: string }
      if (action === undefined || !answerTypes.has(action))
        return send(reply, 400, plainPage({ zh: '请使用页面上的按钮', en: 'Please use the buttons of the page' }))
      const by = { type: 'person', id: facts.person } as const
      const outcome = people.responses.answer(facts.alarm.id, action as AnswerType, by, 'link')
      if (!isRefusal(outcome)) return reply.code(303).header('location', request.url).send()
      const notice = { zh: '此操作已记录，无需重复', en: 'This is on record already: nothing more to do' }
      return send(reply, 409, answerPage({ ...facts, notice }))
    },
  )
}

/** Whether a person's browser opens the page: servers that fetch previews send no Fetch Metadata. */
function isBrowserOpening({ method, headers }: FastifyRequest): boolean {
  const purpose = `${headers['sec-purpose'] ?? ''} ${headers.purpose ?? ''}`
  return (
    method === 'GET' &&
    headers['sec-fetch-mode'] === 'navigate' &&
    headers['sec-fetch-dest'] === 'document' &&
    !/prefetch|preview/i.test(purpose)
  )
}
