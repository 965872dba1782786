import type { Alarm } from '../core/alarm.ts'
import { type AnswerType, responseTimes } from '../core/escalation.ts'

/** What the page behind an answer link says. */
export interface AnswerPageFacts {
  alarm: Alarm
  kind: { zh: string; en: string }
  place: { zh: string; en: string }
  elder?: string
  /** Local time of an instant, HH:MM. */
  time(at: number): string
  /** Name of a person id; the id of a console's user says "control room". */
  nameOf(by: string): string
  /** Whose link it is. */
  person: string
  /** What the last press of a button came to, where it came to nothing. */
  notice?: { zh: string; en: string }
}

const words: Record<AnswerType, { zh: string; en: string; done: { zh: string; en: string } }> = {
  answered: { zh: '我来处理', en: 'I take care of it', done: { zh: '已答复', en: 'answered' } },
  arrived: { zh: '我已到达', en: 'I am there', done: { zh: '已到达', en: 'arrived' } },
  resolved: { zh: '已处理完', en: 'It is settled', done: { zh: '已处理完', en: 'settled' } },
}

/**
 * The page as HTML: who, where, what, who has answered so far, and the buttons this person may still press. It works
 * without scripts. Only a POST of a form answers, so a preview that fetches the link ends nothing.
 */
export function answerPage(facts: AnswerPageFacts): string {
  const { alarm, kind, place, elder, time, nameOf, person, notice } = facts
  const { response } = alarm
  const times = response ? responseTimes(response) : {}
  const mine = new Set(response?.answers.filter(({ by }) => by === person).map(({ type }) => type))
  const steps = (['answered', 'arrived', 'resolved'] as const).flatMap((type) => {
    const answer = times[type]
    if (!answer) return []
    const { done } = words[answer.type]
    const who = nameOf(answer.by)
    return [`<li>${time(answer.at)} ${html(who)} ${done.zh}<br><small>${html(who)}: ${done.en}</small></li>`]
  })
  const isOver = response === undefined || response.state === 'resolved'
  const buttons = (['answered', 'arrived', 'resolved'] as const)
    .filter((type) => !isOver && !mine.has(type) && (type !== 'resolved' || response.state !== 'calling'))
    .filter((type) => type !== 'answered' || !(mine.has('arrived') || mine.has('resolved')))
    .map(
      (type, index) =>
        `<button name="action" value="${type}" class="${index === 0 ? 'first' : ''}">${words[type].zh}<small>${words[type].en}</small></button>`,
    )
  return page(
    kind.zh,
    `<h1>${html(kind.zh)}<small>${html(kind.en)}</small></h1>
<p class="where">${html(place.zh)}${elder ? `<br>${html(elder)}` : ''}<small>${html(place.en)}</small></p>
<p>${time(alarm.raisedAt)}</p>
${notice ? `<p class="notice">${html(notice.zh)}<small>${html(notice.en)}</small></p>` : ''}
${steps.length > 0 ? `<ul>${steps.join('')}</ul>` : '<p class="open">尚无人答复<small>nobody has answered yet</small></p>'}
${buttons.length > 0 ? `<form method="post">${buttons.join('')}</form>` : ''}`,
  )
}

/** A page that only says why there is none. */
export function plainPage(text: { zh: string; en: string }): string {
  return page(text.zh, `<h1>${html(text.zh)}<small>${html(text.en)}</small></h1>`)
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>${html(title)}</title><style>
body{font:18px/1.5 system-ui,sans-serif;margin:0 auto;max-width:32rem;padding:1rem;color:#14181d;background:#fff}
h1{font-size:1.7rem;margin:.5rem 0;color:#a30d0d}small{display:block;font-size:.8rem;font-weight:400;color:#4a5560}
.where{font-size:1.4rem}.notice{border-left:.3rem solid #a36a00;padding-left:.6rem}ul{padding-left:1.2rem}
button{display:block;width:100%;font:inherit;font-size:1.3rem;padding:.9rem;margin:.7rem 0;border:2px solid #14181d;
border-radius:.6rem;background:#fff;color:#14181d}button.first{background:#0b5d2a;border-color:#0b5d2a;color:#fff}
button.first small{color:#e6f4ea}
</style></head><body>${body}</body></html>`
}

function html(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
