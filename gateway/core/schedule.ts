/** Hours of the week, in the site's local time. `from` after `to` goes over midnight; equal means the whole day. */
export interface Hours {
  /** `22:00` */
  from: string
  to: string
  /** 1 Monday … 7 Sunday: the day on which the span begins. Every day where absent. */
  days?: readonly number[]
}

export interface LocalTime {
  /** Days since 1970-01-01 in local time: tells one day from another. */
  day: number
  /** 1 Monday … 7 Sunday. */
  weekday: number
  /** Since local midnight. */
  minutes: number
}

export interface Schedule {
  contains(at: number): boolean
  /** When the answer may change next, epoch ms; at most a day away. */
  nextChange(at: number): number
}

const minuteMs = 60_000
const dayMinutes = 1440

/** Turns instants into local time. @param timeZone IANA name, `Asia/Shanghai`; an unknown one throws a RangeError */
export function createLocalClock(timeZone: string): (at: number) => LocalTime {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, timeZoneName: 'longOffset' })
  // Formatting costs microseconds and a zone changes its offset on the quarter of an hour at most.
  let knownQuarter = Number.NaN
  let offsetMinutes = 0
  return (at) => {
    const quarter = Math.floor(at / (15 * minuteMs))
    if (quarter !== knownQuarter) {
      knownQuarter = quarter
      const name = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? ''
      const [, sign, hours, minutes] = /GMT([+-])(\d+):?(\d+)?/.exec(name) ?? []
      offsetMinutes = sign ? (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes ?? 0)) : 0
    }
    const local = Math.floor(at / minuteMs) + offsetMinutes
    const day = Math.floor(local / dayMinutes)
    // 1970-01-01 was a Thursday.
    return { day, weekday: ((((day + 3) % 7) + 7) % 7) + 1, minutes: local - day * dayMinutes }
  }
}

/** Minutes since midnight of `7:05` or `22:00`; NaN where it is none. */
export function minutesOf(time: string): number {
  const [, hours, minutes] = /^(\d{1,2}):(\d{2})$/.exec(time) ?? []
  return hours === undefined ? Number.NaN : Number(hours) * 60 + Number(minutes)
}

/** @param local see `createLocalClock` */
export function createSchedule(hours: Hours, local: (at: number) => LocalTime): Schedule {
  const from = minutesOf(hours.from)
  const to = minutesOf(hours.to)
  const isOn = (weekday: number) => hours.days === undefined || hours.days.includes(weekday)
  return {
    contains(at) {
      const { minutes, weekday } = local(at)
      if (from < to) return minutes >= from && minutes < to && isOn(weekday)
      if (minutes >= from) return isOn(weekday)
      return (minutes < to || from === to) && isOn(weekday === 1 ? 7 : weekday - 1)
    },
    nextChange(at) {
      const { minutes } = local(at)
      const ahead = (target: number) => (((target - minutes) % dayMinutes) + dayMinutes) % dayMinutes || dayMinutes
      const startOfMinute = Math.floor(at / minuteMs) * minuteMs
      return startOfMinute + Math.min(ahead(from), ahead(to), ahead(0)) * minuteMs
    },
  }
}
