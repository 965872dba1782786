import t from 'tap'
import type { Rota } from './person.ts'
import { createWallClock, isWithin, onDuty, whoIsMeant } from './rota.ts'

const rota: Rota = {
  id: 'guards',
  timeZone: 'Asia/Shanghai',
  shifts: [
    { days: ['mon', 'tue', 'wed', 'thu', 'fri'], window: { fromMinute: 480, toMinute: 1200 }, people: ['day'] },
    { days: ['mon', 'tue', 'wed', 'thu', 'fri'], window: { fromMinute: 1200, toMinute: 480 }, people: ['night'] },
    { days: ['sat', 'sun'], window: { fromMinute: 0, toMinute: 1440 }, people: ['weekend', 'day'] },
  ],
  holidays: [
    { from: '2026-10-01', to: '2026-10-07', like: 'sun' },
    { from: '2026-10-10', to: '2026-10-10', like: 'mon' },
  ],
  overrides: [{ from: '2026-11-23T09:00', to: '2026-11-23T12:00', people: ['stand-in'] }],
}
const clock = createWallClock('Asia/Shanghai')
const at = (local: string) => onDuty(rota, clock(Date.parse(`${local}:00+08:00`)))

t.test('the week says who is on duty, and a night shift belongs to the day it began', async (t) => {
  t.same(at('2026-11-23T08:00'), ['day'], 'Monday')
  t.same(at('2026-11-23T20:00'), ['night'])
  t.same(at('2026-11-24T07:59'), ['night'], 'still Monday’s')
  t.same(at('2026-11-28T03:00'), ['night', 'weekend', 'day'], 'Friday’s night runs into Saturday')
  t.same(at('2026-11-23T03:00'), [], 'no night began on Sunday')
})

t.test('holidays count as another day, days worked instead too, and an override decides alone', async (t) => {
  t.same(at('2026-10-01T10:00'), ['weekend', 'day'], 'a Thursday')
  t.same(at('2026-10-10T10:00'), ['day'], 'a Saturday that is worked')
  t.same(at('2026-11-23T09:00'), ['stand-in'])
  t.same(at('2026-11-23T12:00'), ['day'])
})

t.test('the wall clock knows time zones with and without summer time', async (t) => {
  t.same(clock(Date.parse('2026-11-22T16:30:00Z')), { date: '2026-11-23', minute: 30 })
  const berlin = createWallClock('Europe/Berlin')
  t.equal(berlin(Date.parse('2026-03-29T00:59:00Z')).minute, 119)
  t.equal(berlin(Date.parse('2026-03-29T01:00:00Z')).minute, 180, 'an hour is left out')
  t.ok(isWithin({ fromMinute: 1320, toMinute: 420 }, 0))
  t.notOk(isWithin({ fromMinute: 1320, toMinute: 420 }, 420))
})

t.test('a step means people: the n-th contact, a duty, who is on duty', async (t) => {
  const person = (id: string, duty: string) => ({ id, name: id, duty, channels: [], languages: ['zh-CN' as const] })
  const elder = {
    id: 'e',
    name: 'e',
    place: { site: 's' },
    devices: [],
    bandPosition: 'wrist' as const,
    oxygenScale: 1 as const,
    contacts: ['a', 'b'],
    consents: { city: false, health: false },
  }
  const site = {
    people: [person('a', 'caregiver'), person('g', 'security'), person('h', 'security')],
    rotas: [rota],
    time: () => clock(Date.parse('2026-11-23T10:00:00+08:00')),
    elder,
  }
  t.same(whoIsMeant({ type: 'contact', nth: 2 }, site), ['b'])
  t.same(whoIsMeant({ type: 'contact', nth: 3 }, site), [])
  t.same(whoIsMeant({ type: 'duty', duty: 'security' }, site), ['g', 'h'])
  t.same(whoIsMeant({ type: 'rota', id: 'guards' }, site), ['stand-in'])
})
