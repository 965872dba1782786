import { readFileSync } from 'node:fs'
import t from 'tap'
import { ConfigError } from '../core/errors.ts'
import { elderChain } from '../core/person.ts'
import { driverSchemas } from '../drivers.ts'
import { parseSite } from './load.ts'

const example = readFileSync(new URL('./example.yaml', import.meta.url), 'utf8')
const environment = { LIFT_CAM_PASSWORD: 'x' }
const site = (text: string) => parseSite(text, 'site.yaml', driverSchemas, environment)
const problems = (text: string): string[] => {
  try {
    site(text)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`)
    throw error
  }
}

t.test('an elder of the site file is what scenes and escalation know', async (t) => {
  const { elders, people, chains, rotas } = site(example)
  t.match(elders[0], {
    id: 'elder-301',
    place: { site: 'riverside', building: 'b1', unit: 'u1', floor: '3', flat: '301', gridCell: '310104001002003' },
    contacts: ['caregiver-a', 'caregiver-b'],
    oxygenScale: 1,
    consents: { city: false, health: false },
  })
  t.same(chains[0], elderChain, 'the chain every elder has is there without being written')
  t.match(chains[1]?.steps[1], {
    afterMs: 60_000,
    tell: [
      { type: 'contact', nth: 2 },
      { type: 'rota', id: 'night-care' },
    ],
    channels: ['ntfy'],
  })
  t.match(people[1]?.quietHours, { fromMinute: 22 * 60, toMinute: 7 * 60 })
  t.match(rotas[0], { timeZone: 'Asia/Shanghai', shifts: [{ window: { fromMinute: 1200, toMinute: 480 } }, {}] })
})

t.test('whoever is named and does not exist is reported, all at once, with the place', async (t) => {
  const text = example
    .replace('tell: [contact-1, control-room]', 'tell: [contact-1, nobody]')
    .replace('channels: [ntfy]', 'channels: [voice]')
    .replace('"duty:caregiver"', '"duty:doctor"')
    .replace('{ notifier: phone-push, address: caregiver-a }', '{ notifier: pager, address: caregiver-a }')
    .replace('contacts: [caregiver-a, caregiver-b]', 'contacts: [caregiver-z]')
    .replace('elders: elder #', 'elders: eldest #')
    .replace('devices: [] # ids of bands', 'devices: [band-9] # ids of bands')
    .replace('timeZone: Asia/Shanghai', 'timeZone: Shanghai')
  t.same(problems(text).sort(), [
    'chains[0].steps[0].tell[1]: "nobody" is no person, no rota, no contact-1 … contact-9, no duty:<duty> and not control-room',
    'chains[0].steps[1].channels[0]: no notifier of this site has the driver "voice"',
    'chains[0].steps[2].tell[1]: nobody has the duty "doctor"',
    'elders[0].contacts[0]: there is no person "caregiver-z"',
    'elders[0].devices[0]: there is no device "band-9"',
    'escalation.elders: there is no chain "eldest"',
    'people[1].channels[0].notifier: there is no notifier "pager"',
    'site.timeZone: "Shanghai" is no time zone; write an IANA name like Asia/Shanghai',
  ])
})

t.test('a consent without a record counts for nothing', async (t) => {
  const given = example.replace('city: false', 'city: true')
  t.match(problems(given), [/elders\[0\]\.consents: a consent needs recordedAt and recordedBy/])
  const recorded = given.replace('# recordedAt', 'recordedAt').replace('# recordedBy', 'recordedBy')
  t.same(site(recorded).elders[0]?.consents, {
    city: true,
    health: false,
    recordedAt: Date.UTC(2026, 0, 31),
    recordedBy: '值班员',
  })
})

t.test('one device cannot cry for two people', async (t) => {
  const twice = example.replace(
    '    devices: [] # ids of bands',
    '    devices: [b1-u1-smoke-3, b1-u1-smoke-3] # ids of bands',
  )
  t.same(problems(twice), ['elders[0].devices[1]: "b1-u1-smoke-3" already belongs to "elder-301"'])
})

t.test('dates that are in no calendar and spans that end before they begin are refused', async (t) => {
  t.match(problems(example.replace('from: 2026-10-01, to: 2026-10-07', 'from: 2026-10-41, to: 2026-10-07')), [
    /rotas\[0\]\.holidays\[0\]\.from: 2026-10-41 is not in the calendar/,
    /rotas\[0\]\.holidays\[0\]\.to: ends before it begins/,
  ])
})
