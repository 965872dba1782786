import type { Alarm } from '../core/alarm.ts'
import type { ChainTask, Language, Person } from '../core/person.ts'
import { placeKey } from '../core/place.ts'
import type { PersonMessage } from '../core/ports.ts'

/** Words of both languages. */
export interface Words {
  zh: string
  en: string
}

export interface MessageFacts {
  alarm: Alarm
  to: Person
  /** Name of the alarm's kind. */
  kind: Words
  place: Words
  /** Name of the elder concerned, where there is one. */
  elder?: string
  /** Local time of the alarm, HH:MM. */
  time: string
  task?: ChainTask
  link?: string
}

export const taskWords: Record<ChainTask, Words> = {
  'call-and-send-guard': { zh: '请立即电话联系并派保安上门', en: 'call now and send a guard' },
  'call-120': { zh: '请拨打 120', en: 'call 120 (ambulance) now' },
  'call-119': { zh: '请拨打 119', en: 'call 119 (fire brigade) now' },
}

/** The words of the console and the glossary: who reads both must not take one level for another. */
const severityWords: Record<Alarm['severity'], Words> = {
  critical: { zh: '特急', en: 'Critical' },
  high: { zh: '紧急', en: 'High' },
  medium: { zh: '重要', en: 'Medium' },
  low: { zh: '一般', en: 'Low' },
  informational: { zh: '提示', en: 'Info' },
}

/** What one person is told about one alarm, in their languages: one line first, then who, where, when, what to do. */
export function personMessage(facts: MessageFacts): PersonMessage {
  const { alarm, to, elder, link } = facts
  const [first = 'zh-CN'] = to.languages
  const key = keyOf(first)
  const who = elder ?? ''
  return {
    alarm: alarm.id,
    severity: alarm.severity,
    place: placeKey(alarm.place),
    ...(alarm.person === undefined ? {} : { person: alarm.person }),
    title: titleIn(facts, first),
    text: to.languages.map((language) => bodyIn(facts, language)).join('\n'),
    ...(link === undefined ? {} : { link }),
    language: first,
    fields: { what: facts.kind[key], where: facts.place[key], who, when: facts.time },
  }
}

function titleIn({ alarm, kind, place, elder, task }: MessageFacts, language: Language): string {
  const key = keyOf(language)
  const what = [kind[key], place[key], elder].filter(Boolean).join(' · ')
  const doing = task ? `${key === 'zh' ? '：' : ': '}${taskWords[task][key]}` : ''
  const severity = severityWords[alarm.severity][key]
  return key === 'zh' ? `【${severity}】${what}${doing}` : `[${severity}] ${what}${doing}`
}

function bodyIn(facts: MessageFacts, language: Language): string {
  const { alarm, kind, place, elder, time, task, link } = facts
  const key = keyOf(language)
  const asks = askWords(alarm, link !== undefined)
  const parts =
    key === 'zh'
      ? [
          `${time} ${place.zh || '小区'}${elder ? `，${elder}` : ''}：${kind.zh}。`,
          task ? `${taskWords[task].zh}。` : '',
          asks.zh,
        ]
      : [
          `${time} ${kind.en} at ${place.en || 'the compound'}${elder ? ` (${elder})` : ''}. `,
          task ? `Please ${taskWords[task].en}. ` : '',
          asks.en,
        ]
  return parts.join('')
}

function askWords({ response }: Alarm, hasLink: boolean): Words {
  if (response && response.state !== 'calling')
    return {
      zh: '有人答复之后情况加重，请尽快确认现场。',
      en: 'It has got worse since somebody answered. Please make sure that somebody is there.',
    }
  return hasLink
    ? {
        zh: '请点链接答复；无人答复将继续通知下一位。',
        en: 'Answer by the link; the next person is told until somebody answers.',
      }
    : {
        zh: '请答复控制室；无人答复将继续通知下一位。',
        en: 'Answer the control room; the next person is told until somebody answers.',
      }
}

function keyOf(language: Language): 'zh' | 'en' {
  return language === 'en' ? 'en' : 'zh'
}
