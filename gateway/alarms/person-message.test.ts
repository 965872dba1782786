import t from 'tap'
import en from '../console/i18n/en.ts'
import zh from '../console/i18n/zh-CN.ts'
import { type Alarm, severities } from '../core/alarm.ts'
import type { Person } from '../core/person.ts'
import { personMessage } from './person-message.ts'

t.test('a message gives an alarm the same weight, in the same word, as the console and the glossary', async (t) => {
  for (const severity of severities) {
    const alarm: Alarm = {
      ...{ id: 'alarm-1', scene: 'sos', kind: 'elder_sos', severity, certainty: 0.9 },
      ...{ place: { site: 'garden', building: 'b1' }, source: { type: 'device', id: 'sos-301' } },
      ...{ raisedAt: 0, lastSeenAt: 0, count: 1, isActive: true, isAcknowledged: false },
      ...{ why: [], evidence: [], warnings: [] },
    }
    const titleFor = (language: 'zh-CN' | 'en') => {
      const to: Person = { id: 'a', name: 'Caregiver A', duty: 'caregiver', languages: [language], channels: [] }
      const kind = { zh: '老人紧急呼叫', en: 'SOS call' }
      return personMessage({ alarm, to, kind, place: { zh: '1 号楼', en: 'Building 1' }, time: '10:02' }).title
    }
    t.equal(titleFor('zh-CN'), `【${zh.severity[severity]}】老人紧急呼叫 · 1 号楼`)
    t.equal(titleFor('en'), `[${en.severity[severity]}] SOS call · Building 1`)
  }
})
