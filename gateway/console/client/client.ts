import { computed, reactive, readonly } from 'vue'
import type {
  Alarm,
  Camera,
  Case,
  DoorHold,
  ElderGlance,
  JournalEntry,
  LiveMessage,
  NextStep,
  PersonList,
  SessionView,
  SiteView,
  User,
} from '../../api/schemas/index.ts'
import { createElderWatch } from './elder-watch.ts'
import { everyPage } from './every-page.ts'
import { createFeed } from './feed.ts'
import { ApiProblem, createHttp } from './http.ts'
import { createPush } from './push.ts'

interface State {
  session: SessionView | undefined
  site: SiteView | undefined
  alarms: Map<string, Alarm>
  cases: Map<string, Case>
  cameras: Map<string, Camera>
  /** By lift; `until` is when a held door is let go at the latest, on this browser's clock. */
  doorHolds: Map<string, DoorHold & { until?: number }>
  /** Names of accounts by id. */
  people: Map<string, string>
  /** Names of the persons of the site file by id. */
  persons: Map<string, string>
  isConnected: boolean
  /** When something was last heard from the gateway, on this browser's clock. */
  heardAt: number
}

const severityOrder = ['critical', 'high', 'medium', 'low', 'informational']
const pageSize = 100
const loadAgainMs = 2000

/** Everything the console knows, kept true by the live feed, and everything it can ask for. */
export function createClient() {
  const state = reactive<State>({
    session: undefined,
    site: undefined,
    alarms: new Map(),
    cases: new Map(),
    cameras: new Map(),
    doorHolds: new Map(),
    people: new Map(),
    persons: new Map(),
    isConnected: false,
    heardAt: Date.now(),
  })
  /** Alarms, cameras and cases are not for caregivers. */
  const isStaff = computed(() => state.session?.user.role === 'admin' || state.session?.user.role === 'operator')
  const raisedListeners = new Set<(alarm: Alarm) => void>()
  const settledListeners = new Set<(alarm: Alarm) => void>()
  const endedListeners = new Set<() => void>()
  /** Newest journal row applied to a subject: a list loaded late must not undo it. */
  const applied = new Map<string, number>()

  const http = createHttp({ csrfToken: () => state.session?.csrfToken ?? '', onUnauthenticated: endSession })
  const push = createPush(http)
  const feed = createFeed({
    url: (after) => socketUrl(`/live${after === undefined ? '' : `?after=${after}`}`),
    onMessage: take,
    onState: (isConnected) => {
      state.isConnected = isConnected
    },
    onSessionEnded: endSession,
  })

  const elders = createElderWatch({
    get: () => http.get<{ items: ElderGlance[] }>('/elders'),
    onHeard(isHeard) {
      // The control room has its live feed to tell.
      if (isStaff.value) return
      state.isConnected = isHeard
      if (isHeard) state.heardAt = Date.now()
    },
  })

  function endSession(): void {
    if (!state.session) return
    feed.stop()
    elders.end()
    state.session = undefined
    for (const listener of endedListeners) listener()
  }

  function take(message: LiveMessage): void {
    state.heardAt = Date.now()
    if (message.type === 'hello') void keepLoading()
    else if (message.type === 'entry') apply(message.entry)
    else if (message.type === 'camera') {
      const known = state.cameras.get(message.camera.id)
      if (known) state.cameras.set(known.id, { ...known, ...message.camera })
    }
  }

  function apply(entry: JournalEntry): void {
    const data = entry.data as { alarm?: Alarm; case?: Case }
    if (entry.topic === 'alarm' && data.alarm) {
      applied.set(data.alarm.id, entry.seq)
      state.alarms.set(data.alarm.id, data.alarm)
      if (data.alarm.person !== undefined) elders.refresh()
      if (entry.transition === 'raised') for (const listener of raisedListeners) listener(data.alarm)
      if (entry.transition === 'resolved' && entry.actor.id !== state.session?.user.id)
        for (const listener of settledListeners) listener(data.alarm)
    } else if (entry.topic === 'case' && data.case) {
      applied.set(data.case.id, entry.seq)
      state.cases.set(data.case.id, data.case)
    } else if (entry.topic === 'event' && entry.transition.startsWith('door-')) quietly(loadDoorHolds)
    else if (entry.transition === 'user-created') quietly(loadPeople)
  }

  /** What fails here is tried again at the next occasion; a lost connection shows by itself. */
  function quietly(work: () => Promise<unknown>): void {
    work().catch(() => {})
  }

  function setDoorHold(hold: DoorHold): void {
    state.doorHolds.set(hold.lift, {
      ...hold,
      ...(hold.leftMs === undefined ? {} : { until: Date.now() + hold.leftMs }),
    })
  }

  async function loadDoorHolds(): Promise<void> {
    if (!state.site?.lifts.some(({ hasDoorHold }) => hasDoorHold)) return
    const { items } = await http.get<{ items: DoorHold[] }>('/door-holds')
    for (const hold of items) setDoorHold(hold)
  }

  async function loadPeople(): Promise<void> {
    const { items } = await http.get<{ items: Array<Pick<User, 'id' | 'name'>> }>('/users/names')
    for (const { id, name } of items) state.people.set(id, name)
  }

  /** They stand in the site file and do not change while the gateway runs. */
  async function loadPersons(): Promise<void> {
    const { items } = await http.get<PersonList>('/people')
    for (const { id, name } of items) state.persons.set(id, name)
  }

  /** Until it has worked: a list that is missing would look like an empty one. */
  async function keepLoading(): Promise<void> {
    while (state.session) {
      try {
        return await load()
      } catch {
        await new Promise((resolve) => window.setTimeout(resolve, loadAgainMs))
      }
    }
  }

  async function load(): Promise<void> {
    const asked = Math.max(0, ...applied.values())
    quietly(loadDoorHolds)
    quietly(loadPeople)
    const [active, unacknowledged, alarms, open, cases, cameras] = await Promise.all([
      everyPage<Alarm>(http.get, '/alarms?active=true'),
      everyPage<Alarm>(http.get, '/alarms?active=false&acknowledged=false'),
      http.get<{ items: Alarm[] }>(`/alarms?limit=${pageSize}`),
      everyPage<Case>(http.get, '/cases?open=true'),
      http.get<{ items: Case[] }>(`/cases?limit=${pageSize}`),
      http.get<{ items: Camera[] }>('/cameras'),
    ])
    const isNewer = (id: string) => (applied.get(id) ?? 0) > asked
    for (const alarm of [...alarms.items, ...active, ...unacknowledged])
      if (!isNewer(alarm.id)) state.alarms.set(alarm.id, alarm)
    for (const each of [...cases.items, ...open]) if (!isNewer(each.id)) state.cases.set(each.id, each)
    for (const camera of cameras.items) state.cameras.set(camera.id, camera)
  }

  async function begin(session: SessionView): Promise<void> {
    state.session = session
    state.site ??= await http.get<SiteView>('/site')
    quietly(loadPersons)
    if (isStaff.value) feed.start()
    else {
      // The gateway has just answered; from here on the asking says whether it still does.
      Object.assign(state, { isConnected: true, heardAt: Date.now() })
      elders.watch()
    }
  }

  const act = async (path: string, body?: unknown): Promise<void> => {
    const alarm = await http.post<Alarm>(path, body)
    if (alarm && 'count' in alarm && isStaff.value) state.alarms.set(alarm.id, alarm)
  }

  /** What needs a person: active or not yet acknowledged, and not shelved; most severe first, then newest. */
  const openAlarms = computed(() =>
    [...state.alarms.values()]
      .filter((alarm) => !alarm.shelved && (alarm.isActive || !alarm.isAcknowledged))
      .sort(bySeverity),
  )

  return {
    state: readonly(state) as Readonly<State>,
    isStaff,
    openAlarms,
    /** What sounds, most severe first: in the control room what nobody has acknowledged, at a caregiver's what nobody has answered. */
    calls: computed(
      (): ReadonlyArray<Pick<Alarm, 'id' | 'severity' | 'raisedAt'>> =>
        isStaff.value
          ? openAlarms.value.filter(({ isAcknowledged }) => !isAcknowledged)
          : elders.state.elders
              .flatMap((elder) => elder.openAlarms)
              .filter(({ response }) => response?.state === 'calling')
              .sort(bySeverity),
    ),
    elders: elders.state,
    watchElders: elders.watch,
    loadElders: elders.load,
    /** Silenced for a time; the one that comes back first on top. */
    shelvedAlarms: computed(() =>
      [...state.alarms.values()]
        .filter(({ shelved }) => shelved)
        .sort((a, b) => (a.shelved?.until ?? '').localeCompare(b.shelved?.until ?? '')),
    ),
    pastAlarms: computed(() =>
      [...state.alarms.values()]
        .filter((alarm) => !alarm.isActive && alarm.isAcknowledged)
        .sort((a, b) => b.raisedAt.localeCompare(a.raisedAt)),
    ),
    cases: computed(() => [...state.cases.values()].sort((a, b) => b.openedAt.localeCompare(a.openedAt))),
    cameras: computed(() => [...state.cameras.values()]),

    /** Whether there is a session, asking the gateway once after a reload. */
    async restore(): Promise<boolean> {
      if (state.session) return true
      try {
        await begin(await http.get<SessionView>('/session'))
        return true
      } catch (error) {
        if (error instanceof ApiProblem && error.status === 0) throw error
        return false
      }
    },
    async logIn(name: string, password: string): Promise<void> {
      await begin(await http.post<SessionView>('/session', { name, password }))
    },
    /** Who has logged out is not woken on this browser any more; who is only logged out by time is. */
    async logOut(): Promise<void> {
      await push.turnOff().catch(() => {})
      await http.delete('/session').catch(() => {})
      endSession()
    },
    push,
    onSessionEnded(listener: () => void) {
      endedListeners.add(listener)
      return () => endedListeners.delete(listener)
    },
    onRaised(listener: (alarm: Alarm) => void) {
      raisedListeners.add(listener)
      return () => raisedListeners.delete(listener)
    },

    /** Somebody else has settled it, here or by the phone. */
    onSettled(listener: (alarm: Alarm) => void) {
      settledListeners.add(listener)
      return () => settledListeners.delete(listener)
    },

    acknowledge: (id: string) => act(`/alarms/${id}/acknowledge`),
    verdict: (id: string, value: 'confirmed' | 'false-alarm', reason?: string) =>
      act(`/alarms/${id}/verdict`, { value, ...(reason ? { reason } : {}) }),
    repeatVoice: (id: string) => act(`/alarms/${id}/voice`, { action: 'repeat' }),
    stopVoice: (id: string) => act(`/alarms/${id}/voice`, { action: 'stop' }),
    shelve: (id: string, until: number, reason: string) =>
      act(`/alarms/${id}/shelve`, { until: new Date(until).toISOString(), reason }),
    unshelve: (id: string) => act(`/alarms/${id}/unshelve`),
    loadDoorHolds,
    async releaseDoor(lift: string) {
      setDoorHold(await http.post<DoorHold>(`/lifts/${lift}/door-hold/release`))
    },
    users: async () => (await http.get<{ items: User[] }>('/users')).items,
    persons: async () => (await http.get<PersonList>('/people')).items,
    setPerson: (id: string, person: string | null) => http.post<User>(`/users/${id}/person`, { person }),
    addUser: (user: { name: string; role: string; password: string; person?: string }) =>
      http.post<User>('/users', user),
    setPassword: (id: string, password: string, currentPassword?: string) =>
      http.post<void>(`/users/${id}/password`, { password, ...(currentPassword ? { currentPassword } : {}) }),
    setDisabled: (id: string, isDisabled: boolean) =>
      http.post<User>(`/users/${id}/${isDisabled ? 'disable' : 'enable'}`),
    nextStep: (id: string) => http.get<NextStep>(`/alarms/${id}/next-step`),
    answer: (id: string, type: 'answered' | 'arrived' | 'resolved', note: string) =>
      act(`/alarms/${id}/${type === 'answered' ? 'answer' : type}`, note ? { note } : {}),
    openCase: (id: string) => act(`/alarms/${id}/case`),
    async moveCase(id: string, step: { to: string; role: string; note?: string; reason?: string; unit?: string }) {
      const moved = await http.post<Case>(`/cases/${id}/transitions`, step)
      state.cases.set(moved.id, moved)
    },
    async reportCase(id: string) {
      const moved = await http.post<Case>(`/cases/${id}/report`)
      state.cases.set(moved.id, moved)
    },
    get: http.get,
    post: http.post,
    postTable: http.postTable,
    put: http.put,
    patch: http.patch,
    delete: http.delete,
    evidenceUrl: (id: string) => `/api/v1/evidence/${id}`,
    liveUrl: (camera: string, unmasked = false) =>
      socketUrl(`/cameras/${camera}/live${unmasked ? '?unmasked=true' : ''}`),
  }
}

export type Client = ReturnType<typeof createClient>

function bySeverity(a: Pick<Alarm, 'severity' | 'raisedAt'>, b: Pick<Alarm, 'severity' | 'raisedAt'>): number {
  const bySeverityOnly = severityOrder.indexOf(a.severity) - severityOrder.indexOf(b.severity)
  return bySeverityOnly || b.raisedAt.localeCompare(a.raisedAt)
}

function socketUrl(path: string): string {
  return `${window.location.origin.replace(/^http/, 'ws')}/api/v1${path}`
}
