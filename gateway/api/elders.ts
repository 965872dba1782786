import { type Static, Type } from 'typebox'
import { type Alarm, alarmState, isRefusal } from '../core/alarm.ts'
import type { Elder } from '../core/elder.ts'
import type { AnswerType } from '../core/escalation.ts'
import { people, staff, type Who, whoOf } from './access.ts'
import type { Audit } from './audit.ts'
import { courseOf, courseQuery } from './course.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { notFound, Problem, refused } from './problem.ts'
import { defined, PageQuery, Params } from './query.ts'
import {
  AlarmPage,
  Alarm as AlarmWire,
  AnswerRequest,
  alarmToWire,
  ChannelList,
  type DeviceRow,
  deviceToWire,
  ElderList,
  type ElderView,
  ElderView as ElderWire,
  NextStep,
  nextStepToWire,
  PersonList,
  responseToWire,
  TelemetrySeries,
  toInstant,
  withInstants,
} from './schemas/index.ts'

const CourseQuery = Type.Object({ device: Type.String({ minLength: 1, maxLength: 128 }), ...courseQuery })
const shownAlarms = 50
/** What tells at a glance how somebody is, most telling first. */
const vitalMetrics = [
  'heartRateBpm',
  'oxygenSaturationPercent',
  'breathRatePerMinute',
  'skinTemperatureCelsius',
  'isInBed',
  'isWorn',
  'stepCount',
]

/** The elders a caller may see: caregivers those they are a contact of, the control room all. */
export function mayHear(who: Pick<Who, 'role' | 'person'>, elder: Elder): boolean {
  if (who.role === 'admin' || who.role === 'operator') return true
  return who.role === 'caregiver' && who.person !== undefined && elder.contacts?.includes(who.person) === true
}

/** `/elders`: how the people who are looked after are; and the answers of those who look after them. */
export function elderRoutes(app: ApiApp, options: ApiOptions, audit: Audit): void {
  const { store, devices, telemetry, now } = options
  const { elders, persons, responses, describePlace, describeKind, channels } = options.people
  const tags = ['elders']

  /** Looked through once for a whole list of elders. */
  function deviceRows() {
    const byId = new Map(devices.list().map((row) => [row.id, row]))
    const registered = new Map<string, DeviceRow[]>()
    for (const row of byId.values())
      if (row.elder !== undefined) registered.set(row.elder, [...(registered.get(row.elder) ?? []), row])
    return { byId, registered }
  }
  /** Those the site file names, and those that were registered for them. */
  const ownRows = (elder: Elder, { byId, registered }: ReturnType<typeof deviceRows>) => [
    ...elder.devices.flatMap((id) => byId.get(id) ?? []),
    ...(registered.get(elder.id) ?? []).filter(({ id }) => !elder.devices.includes(id)),
  ]
  const newestAlarms = (elder: Elder) => store.alarms({ person: elder.id, limit: shownAlarms }).items

  function glance(elder: Elder, own: readonly DeviceRow[], newest: readonly Alarm[]) {
    const seen = own.flatMap(({ lastSeenAt }) => lastSeenAt ?? [])
    const vitals = vitalMetrics.flatMap((metric) => {
      const values = own.flatMap(({ id, values }) =>
        values[metric] ? [{ metric, ...values[metric], device: id }] : [],
      )
      return values.sort((a, b) => b.at - a.at).slice(0, 1)
    })
    const isOpen = ({ isActive, response }: Alarm) => isActive || (response && response.state !== 'resolved')
    return {
      id: elder.id,
      name: elder.name,
      place: elder.place,
      where: describePlace(elder.place),
      ...(seen.length > 0 ? { lastSeenAt: toInstant(Math.max(...seen)) } : {}),
      devicesUp: own.filter(({ isUp }) => isUp).length,
      devicesDown: own.filter(({ isUp }) => !isUp).length,
      openAlarms: newest.filter(isOpen).map((alarm) => ({
        id: alarm.id,
        kind: alarm.kind,
        name: describeKind(alarm.kind),
        severity: alarm.severity,
        state: alarmState(alarm),
        raisedAt: toInstant(alarm.raisedAt),
        ...(alarm.response ? { response: responseToWire(alarm.response) } : {}),
      })),
      ...(elder.consents.health ? { vitals: vitals.map((vital) => withInstants(vital, 'at')) } : {}),
    }
  }

  /** The elder, when the caller may see them; each look is on record, and so is each that is refused. */
  function allowed(id: string, who: Who): Elder {
    const elder = elders.find((each) => each.id === id)
    if (elder && mayHear(who, elder)) {
      audit.look('elder-viewed', elder.id, who.actor, { id: elder.id })
      return elder
    }
    if (elder) audit.write('elder-refused', elder.id, who.actor, { id: elder.id })
    // The same answer as for nobody: who lives here is not told to strangers.
    throw notFound('elder', id)
  }

  app.get(
    '/elders',
    {
      config: { access: people },
      schema: {
        summary: 'How everybody is, at a glance',
        description: 'Caregivers see those they are a contact of.',
        tags,
        response: { 200: ElderList },
      },
    },
    async (request) => {
      const who = whoOf(request)
      const shown = elders.filter((elder) => mayHear(who, elder))
      audit.look('elders-listed', 'elders', who.actor, { id: 'elders', elders: shown.map(({ id }) => id) })
      const rows = deviceRows()
      return { items: shown.map((elder) => glance(elder, ownRows(elder, rows), newestAlarms(elder))) }
    },
  )

  app.get(
    '/elders/:id',
    {
      config: { access: people },
      schema: {
        summary: 'One elder: devices, newest values, alarms, contacts, consents',
        tags,
        params: Params,
        response: { 200: ElderWire, ...problems(404) },
      },
    },
    async (request): Promise<ElderView> => {
      const elder = allowed(request.params.id, whoOf(request))
      const own = ownRows(elder, deviceRows())
      const alarms = newestAlarms(elder)
      const { bandPosition, oxygenScale, consents, contacts = [] } = elder
      return {
        ...glance(elder, own, alarms),
        bandPosition,
        oxygenScale,
        contacts: contacts.flatMap((id) => persons.find((person) => person.id === id) ?? []),
        consents: withInstants(consents, 'recordedAt'),
        devices: own.map((row) => deviceToWire(consents.health ? row : { ...row, values: {} })),
        alarms: alarms.map(alarmToWire),
      }
    },
  )

  app.get(
    '/elders/:id/alarms',
    {
      config: { access: people },
      schema: {
        summary: 'Alarms of one elder, newest first',
        tags,
        params: Params,
        querystring: Type.Object(PageQuery),
        response: { 200: AlarmPage, ...problems(404) },
      },
    },
    async (request) => {
      const elder = allowed(request.params.id, whoOf(request))
      const { before, limit } = request.query as { before?: string; limit: number }
      const page = store.alarms(defined({ person: elder.id, before, limit }))
      return { ...page, items: page.items.map(alarmToWire) }
    },
  )

  app.get(
    '/elders/:id/telemetry',
    {
      config: { access: people },
      schema: {
        summary: 'The course of one metric of one device of the home',
        description: '403 without consent to health data.',
        tags,
        params: Params,
        querystring: CourseQuery,
        response: { 200: TelemetrySeries, ...problems(404) },
      },
    },
    async (request) => {
      const elder = allowed(request.params.id, whoOf(request))
      const query = request.query as Static<typeof CourseQuery>
      const { device } = query
      if (!ownRows(elder, deviceRows()).some(({ id }) => id === device)) throw notFound('device of this elder', device)
      if (!elder.consents.health) throw new Problem(403, 'forbidden', 'there is no consent to health data on record')
      return courseOf(telemetry, device, query, now())
    },
  )

  app.get(
    '/people',
    {
      config: { access: people },
      schema: { summary: 'Who the person ids in notices and answers are', tags, response: { 200: PersonList } },
    },
    async () => ({ items: persons.map(({ id, name, duty }) => ({ id, name, duty })) }),
  )

  app.get(
    '/channels',
    {
      config: { access: staff },
      schema: { summary: 'Channels to people, and whether they work', tags, response: { 200: ChannelList } },
    },
    async () => ({ items: channels().map((channel) => withInstants(channel, 'since')) }),
  )

  /** The alarm, when the caller may answer it. */
  function answerable(id: string, who: Who): { alarm: Alarm; isStaff: boolean } {
    const alarm = store.alarm(id)
    const elder = elders.find((each) => each.id === alarm?.person)
    const isStaff = who.role === 'admin' || who.role === 'operator'
    if (!alarm || !(isStaff || (elder && mayHear(who, elder)))) throw notFound('alarm', id)
    return { alarm, isStaff }
  }

  app.get(
    '/alarms/:id/next-step',
    {
      config: { access: people },
      schema: {
        summary: 'Who is told next, and when, unless somebody answers',
        description: 'Control room: of any alarm; caregivers: of those of their own people.',
        tags: ['alarms'],
        params: Params,
        response: { 200: NextStep, ...problems(404) },
      },
    },
    async (request) => nextStepToWire(responses.next(answerable(request.params.id, whoOf(request)).alarm)),
  )

  const answerRoute = (path: string, type: AnswerType, summary: string) =>
    app.post(
      `/alarms/:id/${path}`,
      {
        config: { access: people },
        schema: {
          summary,
          description: 'Control room: any alarm; caregivers: those of their own people. 409: it counts for nothing.',
          tags: ['alarms'],
          params: Params,
          body: Type.Union([AnswerRequest, Type.Null()]),
          response: { 200: AlarmWire, ...problems(404, 409) },
        },
      },
      async (request) => {
        const who = whoOf(request)
        const { alarm, isStaff } = answerable(request.params.id, who)
        const note = request.body?.note?.trim() || undefined
        const outcome =
          isStaff || who.person === undefined
            ? responses.answer(alarm.id, type, who.actor, 'console', note)
            : responses.answer(alarm.id, type, { type: 'person', id: who.person }, 'page', note)
        if (isRefusal(outcome)) throw refused(outcome)
        return alarmToWire(outcome)
      },
    )
  answerRoute('answer', 'answered', 'I take care of it: nobody else is called')
  answerRoute('arrived', 'arrived', 'I am there')
  answerRoute('resolved', 'resolved', 'It is settled')
}
