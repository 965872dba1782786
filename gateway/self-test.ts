import { randomUUID } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Alarms } from './alarms/alarms.ts'
import type { DeviceEntry, SiteConfig } from './config/site.ts'
import type { Phrase } from './core/alarm.ts'
import { fill } from './core/fill.ts'
import { weekdays } from './core/person.ts'
import { placeKey } from './core/place.ts'
import type { Announcer, Courier, PersonMessage, Store } from './core/ports.ts'
import { refuse } from './core/refusal.ts'
import { isWithin } from './core/rota.ts'
import { createLocalClock, minutesOf } from './core/schedule.ts'
import { type SelfTestPart, type SelfTestReport, type SelfTestService, selfTestWords } from './core/self-test.ts'
import type { MqttLink } from './devices/mqtt-link.ts'
import type { DeviceRegistry } from './devices/registry.ts'
import { notificationDown } from './people.ts'

export interface SelfTestOptions {
  config: Pick<SiteConfig, 'site' | 'selfTest' | 'speakers' | 'people'>
  /** Keeps when the last one was. */
  file: string
  store: Pick<Store, 'alarm' | 'alarms'>
  alarms: Pick<Alarms, 'take' | 'acknowledge'>
  announcer: Announcer
  courier: Pick<Courier, 'send'>
  link: Pick<MqttLink, 'publish' | 'subscribe'>
  registry: Pick<DeviceRegistry, 'get'>
  devices(): readonly DeviceEntry[]
  /** Writes the report on the journal. */
  note(transition: 'self-test-passed' | 'self-test-failed', report: SelfTestReport): void
  onError(error: unknown, what: string): void
  now: () => number
}

export interface SelfTest extends SelfTestService {
  /** Begins the test when its hour has come. Call it every second. */
  tick(): void
  /** A test that is under way ends without a result. */
  close(): void
}

/** Kind of the drill's own alarm: it is seen on the console while the test runs, calls nobody and opens no case. */
export const selfTestKind = 'self_test'
const failedKind = 'self_test_failed'
const system = { type: 'system', id: 'gateway' } as const
const dayMs = 24 * 3600_000
/** On its day, or on any other once it is later than this. */
const lateMs = 8 * dayMs
/** Then it is overdue: the gateway was off at the hour, day after day. */
const overdueMs = 9.5 * dayMs
/** It begins within this time of its hour, or on another day. */
const windowMinutes = 120
/** Whether it is the hour. */
const lookEveryMs = 30_000
const roundTripMs = 15_000
const speakWithinMs = 60_000
const sendWithinMs = 300_000

/**
 * Once a week the chain that an elder's life hangs on is tried on purpose:
 *
 *   buttons heard lately? ─ broker there and back ─ alarm stored ─┬─ every speaker says "speaker test"
 *                                                                 └─ everyone who is told gets "[TEST]" on every channel
 *
 * waiting ──the hour has come, or a person asks for it; nothing urgent is open──▶ testing ──▶ waiting
 *
 * What fails, and a test that could not be made for days, is an alarm until one passes. Nothing in it can be taken for
 * a real alarm: its kind, the spoken clip and every text say that it is a test, it calls nobody by the chains, and what
 * is real interrupts it.
 */
export function createSelfTest(options: SelfTestOptions): SelfTest {
  const { config, now, alarms } = options
  const { selfTest, site } = config
  const local = createLocalClock(site.timeZone)
  const place = { site: site.id }
  const source = { type: 'device', id: 'self-test' } as const
  /** When the last one began, and what came of the last that ended. */
  let { at: last, report: lastReport } = readLast()
  let lookedAt = Number.NEGATIVE_INFINITY
  let isRunning = false
  let isClosed = false
  let isOverdueTold = false
  /** A test the gateway did not live to end has left its alarm open. */
  let isLeftOver = true

  function readLast(): Kept {
    try {
      const kept = JSON.parse(readFileSync(options.file, 'utf8')) as Kept
      if (Number.isFinite(kept.at)) return kept
    } catch {
      // The first start, or a file that was cut short: counted from now on.
    }
    const kept = { at: now() }
    keep(kept)
    return kept
  }

  function keep(kept: Kept): void {
    writeFileSync(`${options.file}.new`, JSON.stringify(kept), { mode: 0o600 })
    renameSync(`${options.file}.new`, options.file)
  }

  function isDue(at: number): boolean {
    const { weekday, minutes } = local(at)
    const from = minutesOf(selfTest.at)
    if (minutes < from || minutes >= from + windowMinutes) return false
    const isItsDay = weekdays[weekday - 1] === selfTest.day
    // A clock set back must not mean a test every minute, nor none for years.
    const since = Math.abs(at - last)
    return (isItsDay && since >= dayMs) || since >= lateMs
  }

  /** Something people are dealing with: a test would be in their way. That a channel is down is for the test to say. */
  const isUrgentOpen = () =>
    options.store
      .alarms({ isActive: true, limit: 200 })
      .items.some(
        ({ kind, severity, isAcknowledged }) =>
          kind !== notificationDown && !isAcknowledged && (severity === 'high' || severity === 'critical'),
      )

  function fail(at: number, why: Phrase): void {
    alarms.take(
      { type: 'raise', at, kind: failedKind, place, source, severity: 'medium', certainty: 1, why: [why] },
      'self-test',
    )
  }

  function buttons(): SelfTestPart[] {
    return options
      .devices()
      .filter(({ kind }) => kind === 'sos')
      .map(({ id }): SelfTestPart => {
        const state = options.registry.get(id)
        if (state?.lastSeenAt === undefined) return { part: 'button', id, state: 'failed', ...say('button-never') }
        const at = new Date(state.lastSeenAt).toISOString()
        if (!state.isUp) return { part: 'button', id, state: 'failed', ...say('button-silent', { at }) }
        const isLow = state.values.isBatteryLow === true
        return {
          ...{ part: 'button', id, state: isLow ? 'failed' : 'ok' },
          ...say(isLow ? 'button-low' : 'button-heard', { at }),
        }
      })
  }

  /** A message to ourselves, the way a press comes in. */
  async function broker(): Promise<SelfTestPart> {
    const topic = `site/${site.id}/gateway/down/self-test`
    const token = randomUUID()
    const begun = now()
    let end = () => {}
    let timer: NodeJS.Timeout | undefined
    try {
      const isBack = await new Promise<boolean>((resolve, reject) => {
        timer = setTimeout(() => resolve(false), roundTripMs).unref()
        end = options.link.subscribe(topic, (_topic, payload) => {
          if (Buffer.from(payload).toString() === token) resolve(true)
        })
        options.link.publish(topic, token).catch(reject)
      })
      return isBack
        ? { part: 'broker', id: 'mqtt', state: 'ok', tookMs: now() - begun }
        : { part: 'broker', id: 'mqtt', state: 'failed', ...say('nothing-came-back', { seconds: roundTripMs / 1000 }) }
    } catch (error) {
      return { part: 'broker', id: 'mqtt', state: 'failed', reply: wordsOf(error) }
    } finally {
      clearTimeout(timer)
      end()
    }
  }

  async function speaker(id: string, reference: string): Promise<SelfTestPart> {
    const begun = now()
    try {
      const report = await options.announcer.announce({
        ...{ speaker: id, clip: 'speaker-test', language: site.language, reference },
        ...{ priority: 0, expiresAt: begun + speakWithinMs },
      })
      const wasCut = report.phrases?.some(({ key }) => key === 'not-played-interrupted' || key === 'not-played-stopped')
      const state = report.isAccepted ? 'ok' : wasCut ? 'skipped' : 'failed'
      const { deviceReply: reply, phrases } = report
      return { part: 'speaker', id, state, reply, ...(phrases ? { phrases } : {}), tookMs: now() - begun }
    } catch (error) {
      return { part: 'speaker', id, state: 'failed', reply: wordsOf(error) }
    }
  }

  function people(alarm: string): Array<Promise<SelfTestPart>> {
    const at = now()
    const { minutes } = local(at)
    const told = new Set<string>()
    return config.people
      .filter(({ id }) => selfTest.people?.includes(id) ?? true)
      .flatMap((person) =>
        person.channels.map(async ({ notifier, address }): Promise<SelfTestPart> => {
          const id = `${person.id} ${notifier}`
          if (person.quietHours && isWithin(person.quietHours, minutes))
            return { part: 'person', id, state: 'skipped', ...say('quiet-hours') }
          // A group's bot is told once.
          const key = `${notifier}\0${address ?? ''}`
          if (told.has(key)) return { part: 'person', id, state: 'skipped', ...say('told-once') }
          told.add(key)
          const outcome = await options.courier.send({
            ...{ notifier, expiresAt: at + sendWithinMs },
            to: { person: person.id, ...(address === undefined ? {} : { address }) },
            message: message(alarm, person.languages[0] === 'en' ? 'en' : 'zh-CN', minutes),
          })
          if (outcome.state !== 'accepted') {
            const { reply, phrases } = outcome
            return { part: 'person', id, state: outcome.state === 'failed' ? 'failed' : 'skipped', reply, phrases }
          }
          const { reply, phrases, acceptedAt } = outcome.report
          return { part: 'person', id, state: 'ok', reply, ...(phrases ? { phrases } : {}), tookMs: acceptedAt - at }
        }),
      )
  }

  function message(alarm: string, language: 'zh-CN' | 'en', minutes: number): PersonMessage {
    const isChinese = language === 'zh-CN'
    const where = isChinese ? site.name.zh : site.name.en
    const when = [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0')).join(':')
    return {
      ...{ alarm, severity: 'informational', place: placeKey(place), language },
      title: isChinese
        ? `【测试】每周自检，不是真实警报 · ${where}`
        : `[TEST] Weekly self-test, not a real alarm · ${where}`,
      text:
        '这是每周自检的测试消息：没有人需要帮助，无需处理。收到它，说明通知渠道正常。\n' +
        'This is the weekly self-test: nobody needs help, there is nothing to do. That you got it shows that the channel works.',
      fields: { what: isChinese ? '每周自检测试，无需处理' : 'weekly self-test, nothing to do', where, who: '', when },
    }
  }

  async function test(): Promise<void> {
    const startedAt = now()
    last = startedAt
    keep({ at: startedAt, ...(lastReport ? { report: lastReport } : {}) })
    isOverdueTold = false
    const parts = [...buttons(), await broker()]
    if (isClosed) return
    const raised = alarms.take(
      {
        ...{ type: 'raise', at: now(), kind: selfTestKind, place, source, severity: 'informational', certainty: 1 },
        why: [{ key: 'self-test-running' }],
      },
      'self-test',
    )
    const isStored = raised !== undefined && options.store.alarm(raised.id) !== undefined
    parts.push({ part: 'alarm', id: raised?.id ?? selfTestKind, state: isStored ? 'ok' : 'failed' })
    const reference = raised?.id ?? selfTestKind
    const speakers = config.speakers.filter(({ id }) => selfTest.speakers?.includes(id) ?? true)
    parts.push(...(await Promise.all([...speakers.map(({ id }) => speaker(id, reference)), ...people(reference)])))
    if (isClosed) return
    alarms.take({ type: 'clear', at: now(), kind: selfTestKind, place, source }, 'self-test')
    if (raised) alarms.acknowledge(raised.id, system)
    const failed = parts.filter(({ state }) => state === 'failed')
    const report = { isPassed: failed.length === 0, startedAt, endedAt: now(), parts }
    lastReport = report
    keep({ at: startedAt, report })
    options.note(report.isPassed ? 'self-test-passed' : 'self-test-failed', report)
    if (report.isPassed) alarms.take({ type: 'clear', at: now(), kind: failedKind, place, source }, 'self-test')
    else fail(now(), { key: 'self-test-failed', count: failed.length, parts: failed.map(({ id }) => id).join(', ') })
  }

  function begin(): void {
    isRunning = true
    test()
      .catch((error) => isClosed || options.onError(error, 'the self-test could not be made'))
      .finally(() => {
        isRunning = false
      })
  }

  const status: SelfTest['status'] = () => {
    const { isEnabled, day, at } = selfTest
    return { isEnabled, day, at, isRunning, ...(lastReport ? { last: lastReport } : {}) }
  }

  return {
    status,

    begin() {
      if (isRunning) return refuse('self-test-running')
      if (isUrgentOpen()) return refuse('self-test-urgent')
      begin()
      return status()
    },

    tick() {
      const at = now()
      if (isRunning || isClosed || (at >= lookedAt && at - lookedAt < lookEveryMs)) return
      lookedAt = at
      if (isLeftOver) alarms.take({ type: 'clear', at, kind: selfTestKind, place, source }, 'self-test')
      isLeftOver = false
      if (!selfTest.isEnabled) return
      if (isDue(at) && !isUrgentOpen()) begin()
      else if (at - last >= overdueMs && !isOverdueTold) {
        isOverdueTold = true
        fail(at, { key: 'self-test-overdue', days: Math.floor((at - last) / dayMs) })
      }
    },
    close() {
      isClosed = true
    },
  }
}

/** What is kept of the tests: when the last began, and its report or that of the one before. */
interface Kept {
  at: number
  report?: SelfTestReport
}

function say(key: keyof typeof selfTestWords, parameters: Record<string, string | number> = {}) {
  return { reply: fill(selfTestWords[key], parameters), phrases: [{ key, ...parameters }] }
}

const wordsOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
