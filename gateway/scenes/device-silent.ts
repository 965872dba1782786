import { type Static, Type } from 'typebox'
import { describeKind } from '../core/device-kind.ts'
import { placeKey } from '../core/place.ts'
import { defineScene, type Finding, type Scene, type SceneTarget, type TargetDevice } from '../core/scene.ts'
import { createSensorAlarm, deviceAlarm, nothing, type SensorAlarm } from './sensor-alarm.ts'

const options = Type.Object(
  {
    missedHeartbeats: Type.Number({
      minimum: 1,
      default: 2,
      description: 'Never heard of since the start for so many heartbeats: silent.',
    }),
    groupMs: Type.Number({
      minimum: 0,
      default: 90_000,
      description: 'A silent device waits so long for its neighbours to fall silent too; what protects life included.',
    }),
    groupLeast: Type.Integer({ minimum: 2, default: 5, description: 'So many silent devices of one bridge …' }),
    groupShare: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.5,
      description: '… and this share of all its devices: the bridge itself is silent.',
    }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * Devices that fall silent. Those that share a bridge (a gateway, a repeater; where none is named, a building and unit)
 * and fall silent together are one alarm, that of the bridge; the devices' own alarms are suppressed by it. When the
 * bridge is back, what is still silent stands for itself.
 *
 *   up ──silent──▶ waiting groupMs ──alone──▶ device_offline
 *                        └──with its group──▶ bridge_offline (device alarms suppressed) ──some are back──▶ each for itself
 *
 * What was never heard of since the start is silent after its heartbeats: it may have died while the gateway was away.
 */
export const deviceSilent = defineScene<Options>({
  kind: 'device-silent',
  options,
  per: 'site',
  metrics: [],
  isDefault: true,
  create: createScene,
})

interface Watched {
  device: TargetDevice
  group: Group
  alarm: SensorAlarm
  /** Since when it is silent. */
  silentAt?: number
  /** Not heard of since the start. */
  isUnheard: boolean
}

interface Group {
  members: Watched[]
  silent: Set<Watched>
  /** How many of those protect life. */
  silentLifeSafety: number
  /** When the first of the silent ones may have waited long enough; earlier than that where one has come back. */
  wakeAt: number
  alarm: SensorAlarm
  /** When its own alarm ended: devices behind a bridge come back one after the other and are given time for it. */
  endedAt: number
}

function createScene(chosen: Options, { devices, place }: SceneTarget): Scene {
  const groups = new Map<string, Group>()
  const watched = new Map<string, Watched>()
  for (const device of devices) {
    const { building, unit, site } = device.place
    const here = { site, ...(building ? { building } : {}), ...(unit ? { unit } : {}) }
    const name = device.bridge ?? `bridge of ${placeKey(here)}`
    const group = groups.get(name) ?? {
      members: [],
      silent: new Set<Watched>(),
      silentLifeSafety: 0,
      wakeAt: Number.POSITIVE_INFINITY,
      endedAt: Number.NEGATIVE_INFINITY,
      alarm: createSensorAlarm(deviceAlarm('bridge_offline', name, device.bridge === undefined ? here : place)),
    }
    groups.set(name, group)
    const alarm = createSensorAlarm(deviceAlarm('device_offline', device.id, device.place))
    const one: Watched = { device, group, alarm, isUnheard: true }
    group.members.push(one)
    watched.set(device.id, one)
  }
  /** Unheard devices, the most talkative first. */
  const unheard = [...watched.values()].sort((a, b) => a.device.heartbeatMs - b.device.heartbeatMs)
  let nextUnheard = 0
  const open = new Set<Group>()
  let startedAt: number | undefined

  const isLifeSafety = ({ device }: Watched) => describeKind(device.kind)?.isLifeSafety === true

  function isTogether({ silent, members }: Group): boolean {
    return silent.size >= chosen.groupLeast && silent.size >= chosen.groupShare * members.length
  }

  const dueAt = ({ silentAt, group }: Watched) => Math.max(silentAt!, group.endedAt) + chosen.groupMs

  function fallSilent(at: number, one: Watched): readonly Finding[] {
    if (one.silentAt !== undefined) return nothing
    one.silentAt = at
    const { group } = one
    group.silent.add(one)
    if (isLifeSafety(one)) group.silentLifeSafety++
    group.wakeAt = Math.min(group.wakeAt, dueAt(one))
    open.add(group)
    return conclude(at, group, [one])
  }

  function comeBack(at: number, one: Watched): readonly Finding[] {
    one.isUnheard = false
    if (one.silentAt === undefined) return nothing
    delete one.silentAt
    one.group.silent.delete(one)
    if (isLifeSafety(one)) one.group.silentLifeSafety--
    return [...one.alarm.clear(at), ...conclude(at, one.group, [])]
  }

  /**
   * @param waiting those of the group that may have waited long enough: what happens to one device must not cost a look at
   * all, for after a power cut it happens to thousands while it smokes somewhere
   */
  function conclude(at: number, group: Group, waiting: Iterable<Watched>): readonly Finding[] {
    const findings: Finding[] = []
    const wasTogether = group.alarm.isOpen
    if (isTogether(group)) {
      const count = group.silent.size
      const severity = group.silentLifeSafety > 0 ? 'high' : 'medium'
      const why = [{ key: 'bridge-silent', count, of: group.members.length }]
      findings.push(...group.alarm.raise(at, { severity, certainty: 0.9, why }))
      if (!wasTogether)
        for (const { alarm } of group.silent)
          if (alarm.isOpen) findings.push({ type: 'suppress', at, by: group.alarm.key, ...alarm.key })
    } else {
      if (wasTogether) {
        group.endedAt = at
        group.wakeAt = at + chosen.groupMs
        for (const { alarm } of group.silent)
          if (alarm.isOpen) findings.push({ type: 'suppress', at, by: undefined, ...alarm.key })
      }
      findings.push(...group.alarm.clear(at))
      for (const one of wasTogether ? group.silent : waiting) if (at >= dueAt(one)) findings.push(...raise(at, one))
    }
    if (group.silent.size === 0) open.delete(group)
    return findings
  }

  function raise(at: number, one: Watched): readonly Finding[] {
    if (one.alarm.isOpen) return nothing
    const minutes = Math.max(1, Math.round(one.device.heartbeatMs / 60_000))
    const key = one.isUnheard ? 'device-never-heard' : 'device-silent'
    const severity = isLifeSafety(one) ? 'high' : 'medium'
    return one.alarm.raise(at, { severity, certainty: 0.9, why: [{ key, minutes }] })
  }

  function onTick(at: number): readonly Finding[] {
    if (startedAt === undefined || at < startedAt) startedAt = at
    const findings: Finding[] = []
    while (nextUnheard < unheard.length && unheardDue() <= at) {
      const one = unheard[nextUnheard++]!
      if (one.isUnheard) findings.push(...fallSilent(at, one))
    }
    for (const group of [...open]) {
      findings.push(...conclude(at, group, group.silent))
      group.wakeAt = Number.POSITIVE_INFINITY
      for (const one of group.silent) if (!one.alarm.isOpen) group.wakeAt = Math.min(group.wakeAt, dueAt(one))
    }
    return findings
  }

  const unheardDue = () => (startedAt ?? 0) + chosen.missedHeartbeats * (unheard[nextUnheard]?.device.heartbeatMs ?? 0)

  return {
    observe(observation) {
      if (observation.type === 'tick') return onTick(observation.at)
      if (observation.type !== 'device') return nothing
      const one = watched.get(observation.device)
      if (!one) return nothing
      return observation.isUp ? comeBack(observation.at, one) : fallSilent(observation.at, one)
    },
    wakeAt() {
      let earliest =
        startedAt === undefined ? 0 : nextUnheard < unheard.length ? unheardDue() : Number.POSITIVE_INFINITY
      for (const group of open) if (!isTogether(group)) earliest = Math.min(earliest, group.wakeAt)
      return earliest
    },
  }
}
