import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import type { Alarm, Answer, Notice, Place, Why } from '../../api/schemas/index.ts'
import { describeKind, describeMetric, type Metric } from '../../core/device-kind.ts'
import { useClient } from '../client/key.ts'
import { metricNames } from '../i18n/metric-names.ts'

/** Words for ids, instants and durations in the language of the page. */
export function useWords() {
  const { t, te, locale } = useI18n()
  const client = useClient()
  const language = computed(() => (locale.value === 'en' ? 'en' : 'zh'))

  const named = (
    list: 'cameras' | 'lifts' | 'buildings' | 'speakers' | 'notifiers',
    id: string | undefined,
  ): string | undefined =>
    id === undefined
      ? undefined
      : (client.state.site?.[list]?.find((each) => each.id === id)?.name[language.value] ?? id)

  /** What a channel to people said of itself; undefined where there is no sentence for it. */
  function ofChannel({ key, person, channel, ...rest }: Why): string | undefined {
    const path = [`response.replies.${key}`, `response.hints.${key}`].find((each) => te(each))
    return (
      path &&
      t(path, {
        ...rest,
        ...(person === undefined ? {} : { person: whoIs(String(person)) }),
        ...(te(`response.by.${rest.by}`) ? { by: t(`response.by.${rest.by}`) } : {}),
        ...(channel === undefined ? {} : { channel: named('notifiers', String(channel)) ?? channel }),
      })
    )
  }

  const whoIs = (id: string, via?: Answer['via']): string =>
    client.state.persons.get(id) ?? client.state.people.get(id) ?? (via === 'console' ? t('response.via.console') : id)

  return {
    t,
    te,
    language,
    camera: (id: string) => named('cameras', id) ?? id,
    speaker: (id: string) => named('speakers', id) ?? id,
    person: (id: string | undefined) => (id === undefined ? '' : (client.state.people.get(id) ?? id)),
    notifier: (id: string) => named('notifiers', id) ?? id,
    /** Somebody who was told or has answered: a person of the site file, or an account of the control room. */
    who: whoIs,
    /** Who has settled an alarm; undefined where nobody has. */
    settledBy({ response }: Pick<Alarm, 'response'>): { name: string; answer: Answer } | undefined {
      const answer = response?.answers.find(({ type }) => type === 'resolved')
      return answer && { answer, name: whoIs(answer.by, answer.via) }
    },
    /** A reason of an alarm: a scene's, or what a channel to people that was lost said. */
    because(reason: Why): string {
      const channel = named('notifiers', reason.channel === undefined ? undefined : String(reason.channel))
      if (te(`why.${reason.key}`))
        return t(`why.${reason.key}`, channel === undefined ? reason : { ...reason, channel })
      return ofChannel(reason) ?? t('why.other', reason)
    },
    /** What a speaker answered; in its own words where there is no sentence for it. */
    said(phrases: readonly Why[], otherwise = ''): string {
      if (phrases.length === 0 || !phrases.every(({ key }) => te(`said.${key}`))) return otherwise
      const seconds = (ms: unknown) => (typeof ms === 'number' ? (ms / 1000).toFixed(1) : '')
      return phrases
        .map((phrase) =>
          t(`said.${phrase.key}`, {
            ...phrase,
            played: seconds(phrase.playedMs),
            length: seconds(phrase.durationMs),
            within: seconds(phrase.withinMs),
          }),
        )
        .join(t('said.and'))
    },
    /** What a channel to people answered; in its own words where there is no sentence for it. */
    replied({ phrases = [], reply = '' }: Pick<Notice, 'phrases' | 'reply'>): string {
      const sentences = phrases.map(ofChannel)
      return sentences.length === 0 || sentences.includes(undefined) ? reply : sentences.join(t('said.and'))
    },
    kind: (key: string) => client.state.site?.disposal.find((row) => row.key === key)?.name[language.value] ?? key,
    place(place: Place): string {
      if (place.lift) return named('lifts', place.lift) ?? ''
      const floor = place.floor && t('place.floor', { floor: place.floor })
      const flat = place.flat && t('place.flat', { flat: place.flat })
      return [named('buildings', place.building), place.unit, floor, flat].filter(Boolean).join(' ')
    },
    clock: (instant: string) => new Date(instant).toLocaleTimeString(locale.value, { hour12: false }),
    moment: (instant: string) =>
      new Date(instant).toLocaleString(locale.value, { dateStyle: 'medium', timeStyle: 'medium', hour12: false }),
    deviceKind: (kind: string) => describeKind(kind)?.name[language.value] ?? kind,
    /** A metric that is not in the catalogue stands there as its device calls it. */
    metric: (name: string) => (describeMetric(name) ? metricNames[name as Metric][language.value] : name),
    /** A value with its unit. */
    reading(metric: string, value: number | boolean | string): string {
      if (typeof value === 'boolean') return t(value ? 'devices.yes' : 'devices.no')
      const word = `devices.values.${value}`
      if (typeof value === 'string') return te(word) ? t(word) : value
      const shown = Number.isInteger(value) ? String(value) : value.toPrecision(Math.abs(value) >= 1000 ? 6 : 4)
      return `${Number(shown)} ${describeMetric(metric)?.unit ?? ''}`.trim()
    },
    /** As the newspaper writes it: 6 天 23 小时 41 分. */
    duration(ms: number): string {
      const seconds = Math.max(0, Math.round(ms / 1000))
      const minutes = Math.floor(seconds / 60)
      const hours = Math.floor(minutes / 60)
      if (seconds < 60) return t('age.seconds', { n: seconds })
      if (minutes < 60) return t('age.minutes', { n: minutes })
      if (hours < 24) return t('age.hours', { h: hours, m: minutes % 60 })
      return t('age.days', { d: Math.floor(hours / 24), h: hours % 24, m: minutes % 60 })
    },
  }
}
