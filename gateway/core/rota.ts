import type { Elder } from './elder.ts'
import type { ChainTarget, DailyWindow, Person, Rota, Weekday } from './person.ts'
import { weekdays } from './person.ts'

/** What a clock on the wall shows. */
export interface WallTime {
  /** `YYYY-MM-DD`. */
  date: string
  /** Minutes after midnight, 0–1439. */
  minute: number
}

/** Reads the wall clock of a time zone, daylight saving included. @param timeZone IANA name */
export function createWallClock(timeZone: string): (at: number) => WallTime {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  })
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
    return {
      date: `${parts.year}-${parts.month}-${parts.day}`,
      minute: Number(parts.hour) * 60 + Number(parts.minute),
    }
  }
}

/** Whether the minute lies in a window of the day; `from` belongs to it, `to` does not. */
export function isWithin({ fromMinute, toMinute }: DailyWindow, minute: number): boolean {
  return fromMinute < toMinute ? minute >= fromMinute && minute < toMinute : minute >= fromMinute || minute < toMinute
}

/**
 * Who is on duty at this wall time: person ids, in the order of the rota, each once. The last override that fits
 * decides alone; else every shift that runs, those begun the evening before included.
 */
export function onDuty(rota: Rota, { date, minute }: WallTime): string[] {
  const instant = `${date}T${clockText(minute)}`
  const override = rota.overrides.findLast(({ from, to }) => from <= instant && instant < to)
  if (override) return [...new Set(override.people)]
  const today = dayOf(rota, date)
  const yesterday = dayOf(rota, dayBefore(date))
  const people = rota.shifts
    .filter(({ days, window: { fromMinute, toMinute } }) => {
      const isOvernight = fromMinute >= toMinute
      if (!isOvernight) return days.includes(today) && minute >= fromMinute && minute < toMinute
      return (days.includes(today) && minute >= fromMinute) || (days.includes(yesterday) && minute < toMinute)
    })
    .flatMap(({ people }) => people)
  return [...new Set(people)]
}

/** Whom a target of a chain means now: person ids, each once; none where nobody is. */
export function whoIsMeant(
  target: ChainTarget,
  site: { people: readonly Person[]; rotas: readonly Rota[]; elder?: Elder; time(timeZone: string): WallTime },
): string[] {
  switch (target.type) {
    case 'person':
      return [target.id]
    case 'duty':
      return site.people.filter(({ duty }) => duty === target.duty).map(({ id }) => id)
    case 'contact': {
      const contact = site.elder?.contacts?.[target.nth - 1]
      return contact === undefined ? [] : [contact]
    }
    case 'rota': {
      const rota = site.rotas.find(({ id }) => id === target.id)
      return rota ? onDuty(rota, site.time(rota.timeZone)) : []
    }
  }
}

/** The day of the week a date counts as. */
function dayOf(rota: Rota, date: string): Weekday {
  const holiday = rota.holidays.findLast(({ from, to }) => from <= date && date <= to)
  // 1970-01-01 was a Thursday.
  return holiday?.like ?? weekdays[(Math.floor(Date.parse(`${date}T00:00:00Z`) / 86_400_000) + 3) % 7]!
}

function dayBefore(date: string): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10)
}

function clockText(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
}
