import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { addCredentials, readCredentials, removeCredentials } from './broker/credentials.ts'
import { type ReadDevice, readRegisteredDevice } from './config/registered-device.ts'
import type { DeviceEntry, SiteConfig } from './config/site.ts'
import { type Actor, isRefusal, type Refusal } from './core/alarm.ts'
import { problemsInWords, wrongField } from './core/field-words.ts'
import { refuse } from './core/refusal.ts'
import type {
  DeviceRegistrar,
  FieldProblem,
  ImportProblem,
  MqttCredentials,
  WrittenDevice,
  WrittenModbus,
} from './core/registration.ts'
import { codecs } from './devices/codecs/index.ts'
import type { LiveDevices } from './live-devices.ts'
import type { OpenStore } from './storage/store.ts'

/** Registered devices that are not live, each with why. */
export type Asleep = Map<string, readonly FieldProblem[]>

/**
 * The devices people have registered, checked against the site file of today: it wins where both name the same device or
 * address. A place or an elder that is not there any more costs a device its place or its elder, not its voice.
 */
export function wakeRegistered(
  config: SiteConfig,
  rows: readonly WrittenDevice[],
  logger: Logger,
): { entries: DeviceEntry[]; asleep: Asleep } {
  const entries: DeviceEntry[] = []
  const asleep: Asleep = new Map()
  for (const row of rows) {
    const clash = addressClash(row, [...config.devices, ...entries])
    const inTheWay = config.devices.some(({ id }) => id === row.id)
      ? wrongField('also-in-site-file')
      : clash && { message: clash.refused, ...(clash.phrase ? { phrase: clash.phrase } : {}) }
    const read = inTheWay ? undefined : readRegisteredDevice(row, config, codecs)
    if (read && 'entry' in read) entries.push(read.entry)
    else {
      const problems = inTheWay ? [{ field: '', ...inTheWay }] : (read as { problems: FieldProblem[] }).problems
      const reason = problemsInWords(problems)
      logger.warn({ device: row.id, reason }, 'a registered device does not fit the site file')
      asleep.set(row.id, problems)
      if (!read) continue
      const { elder: _, ...nobodys } = row
      const lesser = [{ ...row, place: {} }, nobodys, { ...nobodys, place: {} }]
      const fit = lesser.map((each) => readRegisteredDevice(each, config, codecs)).find((each) => 'entry' in each)
      if (fit && 'entry' in fit) entries.push(fit.entry)
    }
  }
  return { entries, asleep }
}

export interface RegistrarOptions {
  config: SiteConfig
  store: Pick<OpenStore, 'transact' | 'deviceRows'>
  live: LiveDevices
  asleep: Asleep
  /** The embedded broker's credentials file; absent with an external broker, whose users are made there. */
  credentialsFile?: string
  now: () => number
}

/** Registers devices while the gateway runs; one change at a time. */
export function createRegistrar(options: RegistrarOptions): DeviceRegistrar {
  const { config, store, live, asleep, credentialsFile, now } = options
  const ofSiteFile = new Set(config.devices.map(({ id }) => id))
  /** Names that mean something else in topics, alarms or at the broker. */
  const taken = new Map<string, string>([
    ['gateway', 'the gateway itself'],
    ...config.speakers.map(({ id }) => [id, 'a speaker'] as const),
    ...config.notifiers.map(({ id }) => [id, 'a channel to people'] as const),
    ...config.cameras.map(({ id }) => [id, 'a camera'] as const),
    ...config.integrations.bridges.map(({ id }) => [id, 'a bridge'] as const),
  ])
  let last: Promise<unknown> = Promise.resolve()

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work, work)
    last = mine.catch(() => {})
    return mine
  }

  const rowOf = store.deviceRows.get
  const logsIn = ({ address, modbus }: Pick<WrittenDevice, 'address' | 'modbus'>) =>
    credentialsFile !== undefined && address === undefined && modbus === undefined

  async function users(): Promise<Map<string, string>> {
    return new Map(
      credentialsFile === undefined ? [] : (await readCredentials(credentialsFile)).map(({ id, role }) => [id, role]),
    )
  }

  function clash({ written }: ReadDevice, mqttUsers: ReadonlyMap<string, string>, others: readonly DeviceEntry[]) {
    const { id } = written
    const isNew = !rowOf(id)
    if (ofSiteFile.has(id)) return refuse('device-of-site-file', { id })
    if (taken.has(id)) return refuse('device-name-taken', { id, holder: taken.get(id)! })
    if (isNew && mqttUsers.has(id)) return refuse('device-mqtt-user', { id })
    return addressClash(written, others)
  }

  async function makeLogins(ids: readonly string[]): Promise<MqttCredentials[]> {
    if (ids.length === 0) return []
    const made = await addCredentials(
      credentialsFile!,
      ids.map((id) => ({ id, role: 'device' })),
    )
    return made.map(({ id, secret }) => ({
      username: id,
      password: secret,
      topic: `site/${config.site.id}/${id}/up`,
    }))
  }

  async function write(devices: readonly ReadDevice[], transition: (id: string) => string, by: Actor): Promise<void> {
    const at = now()
    store.transact((transaction) => {
      for (const { written } of devices) {
        store.deviceRows.put(written, at)
        const { id: subject, ...data } = written
        transaction.append({ topic: 'audit', at, subject, transition: transition(subject), actor: by, data })
      }
    })
    for (const { written } of devices) asleep.delete(written.id)
    await changeLive({ put: devices.map(({ entry }) => entry) }, by)
  }

  /** The gateway's own rights are in the same file as the logins: one writes after the other. */
  async function changeLive(change: Parameters<LiveDevices['change']>[0], by: Actor): Promise<void> {
    live.change(change, by)
    await live.settled()
  }

  const audit = (transition: string, subject: string, by: Actor) =>
    store.transact((transaction) =>
      transaction.append({ topic: 'audit', at: now(), subject, transition, actor: by, data: {} }),
    )

  /** A device of the console, or why it cannot be changed here. */
  function own(id: string): WrittenDevice | Refusal | undefined {
    const row = rowOf(id)
    if (row) return row
    return ofSiteFile.has(id) ? refuse('device-of-site-file', { id }) : undefined
  }

  return {
    add: (given, by) =>
      inTurn(async () => {
        const read = readRegisteredDevice(given, config, codecs)
        if ('problems' in read) return read
        const { id } = read.written
        const no = clash(read, await users(), live.list())
        if (no) return no
        if (rowOf(id)) return refuse('device-exists', { id })
        await write([read], () => 'device-registered', by)
        const [credentials] = logsIn(read.written) ? await makeLogins([id]) : []
        return { device: read.written, ...(credentials ? { credentials } : {}) }
      }),

    change: (id, changes, by) =>
      inTurn(async () => {
        const before = own(id)
        if (!before) return undefined
        if (isRefusal(before)) return before
        const merged = Object.fromEntries(
          Object.entries({ ...before, ...changes, id }).filter(([, value]) => value !== null),
        )
        const read = readRegisteredDevice(merged, config, codecs)
        if ('problems' in read) return read
        const others = live.list().filter((device) => device.id !== id)
        const no = clash(read, await users(), others)
        if (no) return no
        await write([read], () => 'device-changed', by)
        if (logsIn(before) && !logsIn(read.written)) await removeCredentials(credentialsFile!, [id])
        const [credentials] = !logsIn(before) && logsIn(read.written) ? await makeLogins([id]) : []
        return { device: read.written, ...(credentials ? { credentials } : {}) }
      }),

    remove: (id, by) =>
      inTurn(async () => {
        const before = own(id)
        if (!before) return undefined
        if (isRefusal(before)) return before
        const at = now()
        store.transact((transaction) => {
          store.deviceRows.remove(id)
          transaction.append({ topic: 'audit', at, subject: id, transition: 'device-removed', actor: by, data: {} })
        })
        asleep.delete(id)
        if (ofSiteFile.has(id)) return 'removed'
        await changeLive({ removed: [id] }, by)
        if (credentialsFile !== undefined) await removeCredentials(credentialsFile, [id])
        return 'removed'
      }),

    renewCredentials: (id, by) =>
      inTurn(async () => {
        const device = live.get(id)
        if (!device) return undefined
        if (credentialsFile === undefined) return refuse('external-broker')
        if (
          !logsIn(device) ||
          (device.topic !== undefined && !device.topic.startsWith(`site/${config.site.id}/${id}/`))
        )
          return refuse('device-without-login', { id })
        audit('device-credentials-renewed', id, by)
        return (await makeLogins([id]))[0]!
      }),

    importAll: (rows, { isDryRun }, by) =>
      inTurn(async () => {
        const problems: ImportProblem[] = []
        const known = new Map(store.deviceRows.list().map((row) => [row.id, row]))
        const lines = new Map<string, number>()
        const wanted: Array<ReadDevice & { line: number }> = []
        const skipped: string[] = []
        for (const { line, written } of rows) {
          const { id } = written
          if (typeof id === 'string' && ofSiteFile.has(id)) {
            skipped.push(id)
            continue
          }
          const read = readRegisteredDevice(written, config, codecs)
          if ('problems' in read) {
            problems.push(...read.problems.map((problem) => ({ line, ...problem })))
            continue
          }
          const first = lines.get(read.written.id)
          if (first === undefined) lines.set(read.written.id, line)
          else problems.push({ line, field: 'id', ...wrongField('stands-before', { id: read.written.id, first }) })
          wanted.push({ ...read, line })
        }
        const mqttUsers = await users()
        const kept = live.list().filter(({ id }) => !lines.has(id))
        const addresses = new Map<string, number | undefined>(
          kept.flatMap((device) => addressKey(device) ?? []).map((key) => [key, undefined]),
        )
        for (const read of wanted) {
          const no = clash(read, mqttUsers, [])
          if (no)
            problems.push({
              line: read.line,
              field: 'id',
              message: no.refused,
              ...(no.phrase ? { phrase: no.phrase } : {}),
            })
          const key = addressKey(read.written)
          if (key === undefined) continue
          const first = addresses.get(key)
          const address = read.written.address ?? ''
          if (first !== undefined)
            problems.push({
              ...{ line: read.line, field: 'address' },
              ...wrongField('address-of-line', { address, first }),
            })
          else if (addresses.has(key))
            problems.push({ line: read.line, field: 'address', ...wrongField('address-of-site', { address }) })
          else addresses.set(key, read.line)
        }
        if (problems.length > 0) return { problems: problems.sort((a, b) => a.line - b.line) }
        const added = wanted.filter(({ written }) => !known.has(written.id))
        const unchanged = wanted.filter(({ written }) => isDeepStrictEqual(known.get(written.id), written))
        const changed = wanted.filter((read) => !added.includes(read) && !unchanged.includes(read))
        const ids = (list: readonly ReadDevice[]) => list.map(({ written }) => written.id)
        const report = { added: ids(added), changed: ids(changed), unchanged: ids(unchanged), ofSiteFile: skipped }
        if (isDryRun || added.length + changed.length === 0) return { ...report, credentials: [] }
        await write([...added, ...changed], (id) => (known.has(id) ? 'device-changed' : 'device-registered'), by)
        const ended = changed.filter(({ written }) => logsIn(known.get(written.id)!) && !logsIn(written))
        if (ended.length > 0) await removeCredentials(credentialsFile!, ids(ended))
        const begun = changed.filter(({ written }) => !logsIn(known.get(written.id)!) && logsIn(written))
        const credentials = await makeLogins(ids([...added.filter(({ written }) => logsIn(written)), ...begun]))
        return { ...report, credentials }
      }),

    written: () => [
      ...config.devices.map((entry) => ({ ...asWritten(entry, config), definedBy: 'site-file' as const })),
      ...store.deviceRows
        .list()
        .filter(({ id }) => !ofSiteFile.has(id))
        .map((row) => ({ ...row, definedBy: 'console' as const })),
    ],
  }
}

/** A device of the site file as it would be registered: its elder and its registers stand elsewhere in the file. */
function asWritten(
  { id, name, kind, place, codec, options, address, groups, heartbeatMs }: DeviceEntry,
  { elders, integrations }: Pick<SiteConfig, 'elders' | 'integrations'>,
): WrittenDevice {
  const { site: _, gridCell: __, ...where } = place
  const elder = elders.find(({ devices }) => devices.includes(id))
  const modbus = modbusOf(id, integrations.modbus)
  return {
    ...{ id, name, kind, codec, groups, place: where },
    options: options as Record<string, unknown>,
    ...(address === undefined ? {} : { address }),
    heartbeatSeconds: heartbeatMs / 1000,
    ...(elder ? { elder: elder.id } : {}),
    ...(modbus ? { modbus } : {}),
  }
}

/** Where the values of one device stand, of a map that may serve several. */
function modbusOf(id: string, maps: SiteConfig['integrations']['modbus']): WrittenModbus | undefined {
  const map = maps.find(({ registers }) => registers.some(({ device }) => device === id))
  if (!map) return undefined
  const { host, port, unit, pollMs, timeoutMs } = map
  const registers = map.registers.filter(({ device }) => device === id).map(({ device: _, ...point }) => point)
  return { host, port, unit, pollSeconds: pollMs / 1000, timeoutSeconds: timeoutMs / 1000, registers }
}

function addressKey({ codec, address }: { codec: string; address?: string }): string | undefined {
  return address === undefined ? undefined : `${codec}\0${address.toLowerCase()}`
}

/** Two devices with one name in a family: every message would be the first one's. */
function addressClash(
  device: { codec: string; address?: string },
  others: readonly DeviceEntry[],
): Refusal | undefined {
  const key = addressKey(device)
  const holder = key === undefined ? undefined : others.find((other) => addressKey(other) === key)
  return holder && refuse('device-address-taken', { address: device.address ?? '', holder: holder.id })
}
