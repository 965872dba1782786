import type { Severity } from '../core/alarm.ts'
import type { Elder } from '../core/elder.ts'
import {
  type Chain,
  type ChainTarget,
  type ChainTask,
  type DailyWindow,
  elderChain,
  type Language,
  type Person,
  type Rota,
  type Weekday,
} from '../core/person.ts'
import type { Place } from '../core/place.ts'
import type { Path, Report } from './resolve.ts'
import type { WrittenSite } from './schema.ts'
import type { SiteConfig } from './site.ts'

type People = Pick<SiteConfig, 'people' | 'rotas' | 'chains' | 'escalation' | 'elders' | 'notifiers'>

/** Person ids that mean something else in a chain. */
const reserved = /^(contact-[0-9]+|control-room)$/
const controlRoom = 'control-room'

/** Checks who names whom among people, rotas, chains, notifiers and elders, and makes them what the gateway uses. */
export function resolvePeople(
  written: WrittenSite,
  report: Report,
  place: (reference: Omit<Place, 'site'>, path: Path) => Place,
): People {
  const notifiers = new Map(written.notifiers.map(({ id, driver }) => [id, String(driver)]))
  const people = new Set(written.people.map(({ id }) => id))
  const rotas = new Set(written.rotas.map(({ id }) => id))
  const chains = new Set([elderChain.id, ...written.chains.map(({ id }) => id)])
  const known = (ids: ReadonlySet<string> | ReadonlyMap<string, unknown>, what: string, id: string, path: Path) => {
    if (!ids.has(id)) report(path, `there is no ${what} "${id}"`)
  }
  const allKnown = (ids: readonly string[], path: Path) => {
    for (const [index, id] of ids.entries()) known(people, 'person', id, [...path, index])
  }
  const target = (word: string, path: Path): ChainTarget | undefined => {
    const nth = /^contact-([1-9])$/.exec(word)?.[1]
    if (nth) return { type: 'contact', nth: Number(nth) }
    if (word === controlRoom) return { type: 'duty', duty: controlRoom }
    const duty = /^duty:(.+)$/.exec(word)?.[1]
    if (duty) {
      if (!written.people.some((person) => person.duty === duty)) report(path, `nobody has the duty "${duty}"`)
      return { type: 'duty', duty }
    }
    if (people.has(word)) return { type: 'person', id: word }
    if (rotas.has(word)) return { type: 'rota', id: word }
    report(path, `"${word}" is no person, no rota, no contact-1 … contact-9, no duty:<duty> and not control-room`)
    return undefined
  }

  for (const [index, { id }] of written.rotas.entries())
    if (people.has(id) || reserved.test(id)) report(['rotas', index, 'id'], `"${id}" already names somebody in chains`)
  for (const [index, { id, duty }] of written.people.entries())
    if (reserved.test(id) && !(id === controlRoom && duty === controlRoom))
      report(['people', index, 'id'], `"${id}" has a meaning of its own in chains; choose another id`)
  known(chains, 'chain', written.escalation.elders, ['escalation', 'elders'])
  for (const [index, { chain }] of written.escalation.alarms.entries())
    known(chains, 'chain', chain, ['escalation', 'alarms', index, 'chain'])

  return {
    notifiers: written.notifiers.map((notifier) => ({ ...notifier, driver: String(notifier.driver) })),
    people: written.people.map(({ quietHours, languages, ...person }, index): Person => {
      for (const [at, { notifier }] of person.channels.entries())
        known(notifiers, 'notifier', notifier, ['people', index, 'channels', at, 'notifier'])
      return {
        ...person,
        languages: languages as Language[],
        ...(quietHours ? { quietHours: dailyWindow(quietHours) } : {}),
      }
    }),
    rotas: written.rotas.map((rota, index): Rota => {
      for (const list of ['shifts', 'overrides'] as const)
        for (const [at, entry] of rota[list].entries()) allKnown(entry.people, ['rotas', index, list, at, 'people'])
      for (const list of ['holidays', 'overrides'] as const)
        for (const [at, { from, to }] of rota[list].entries()) {
          const path = ['rotas', index, list, at]
          for (const [key, value] of Object.entries({ from, to }))
            if (!isCalendarDate(value.slice(0, 10))) report([...path, key], `${value} is not in the calendar`)
          if (to < from) report([...path, 'to'], 'ends before it begins')
        }
      return {
        id: rota.id,
        timeZone: written.site.timeZone,
        shifts: rota.shifts.map(({ days, people, ...shift }) => ({
          days: days as Weekday[],
          people,
          window: dailyWindow(shift),
        })),
        holidays: rota.holidays.map((holiday) => ({ ...holiday, like: holiday.like as Weekday })),
        overrides: rota.overrides,
      }
    }),
    chains: [
      ...(written.chains.some(({ id }) => id === elderChain.id) ? [] : [elderChain]),
      ...written.chains.map((chain, index) => ({
        id: chain.id,
        repeatMs: chain.repeatSeconds * 1000,
        steps: chain.steps
          .map((step, at): Chain['steps'][number] => {
            const path = ['chains', index, 'steps', at]
            for (const [nth, driver] of (step.channels ?? []).entries())
              if (![...notifiers.values()].includes(driver))
                report([...path, 'channels', nth], `no notifier of this site has the driver "${driver}"`)
            if (step.tell.length === 0 && !step.task)
              report([...path, 'tell'], 'the step tells nobody and asks nothing')
            return {
              afterMs: step.afterSeconds * 1000,
              tell: step.tell.flatMap((word, nth) => target(word, [...path, 'tell', nth]) ?? []),
              ...(step.channels ? { channels: step.channels } : {}),
              ...(step.severities ? { severities: step.severities as Severity[] } : {}),
              ...(step.task ? { task: step.task as ChainTask } : {}),
            }
          })
          .sort((a, b) => a.afterMs - b.afterMs),
      })),
    ],
    escalation: {
      elders: written.escalation.elders,
      alarms: written.escalation.alarms.map(({ kinds, chain, severities }) => ({
        kinds,
        chain,
        ...(severities ? { severities: severities as Severity[] } : {}),
      })),
    },
    elders: resolveElders(written, report, place, (ids, path) => allKnown(ids, path), chains),
  }
}

function resolveElders(
  written: WrittenSite,
  report: Report,
  place: (reference: Omit<Place, 'site'>, path: Path) => Place,
  checkPeople: (ids: readonly string[], path: Path) => void,
  chains: ReadonlySet<string>,
): Elder[] {
  const owners = new Map<string, string>()
  return written.elders.map((elder, index): Elder => {
    const path: Path = ['elders', index]
    checkPeople(elder.contacts, [...path, 'contacts'])
    if (elder.chain !== undefined && !chains.has(elder.chain))
      report([...path, 'chain'], `there is no chain "${elder.chain}"`)
    for (const [at, device] of elder.devices.entries()) {
      const owner = owners.get(device)
      if (!written.devices.some(({ id }) => id === device))
        report([...path, 'devices', at], `there is no device "${device}"`)
      else if (owner) report([...path, 'devices', at], `"${device}" already belongs to "${owner}"`)
      owners.set(device, elder.id)
    }
    const { recordedAt, recordedBy, ...consents } = elder.consents
    if ((consents.city || consents.health) && (recordedAt === undefined || recordedBy === undefined))
      report([...path, 'consents'], 'a consent needs recordedAt and recordedBy: without a record it counts for nothing')
    if (recordedAt !== undefined && !isCalendarDate(recordedAt))
      report([...path, 'consents', 'recordedAt'], `${recordedAt} is not in the calendar`)
    const { id, name, devices, bandPosition, oxygenScale, contacts, chain } = elder
    return {
      id,
      name,
      place: place(elder.place, [...path, 'place']),
      devices,
      bandPosition: bandPosition as Elder['bandPosition'],
      oxygenScale: oxygenScale as Elder['oxygenScale'],
      contacts,
      ...(chain === undefined ? {} : { chain }),
      consents: {
        ...consents,
        ...(recordedAt === undefined ? {} : { recordedAt: Date.parse(recordedAt) }),
        ...(recordedBy === undefined ? {} : { recordedBy }),
      },
    }
  })
}

function dailyWindow({ from, to }: { from: string; to: string }): DailyWindow {
  const minute = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
  return { fromMinute: minute(from), toMinute: minute(to) }
}

function isCalendarDate(text: string): boolean {
  const at = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
}
