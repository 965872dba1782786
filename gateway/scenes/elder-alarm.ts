import type { Finding, SceneTarget } from '../core/scene.ts'
import { createSensorAlarm, deviceAlarm, type SensorAlarm } from './sensor-alarm.ts'

/**
 * The alarm of a person. Its source is always the same device of the home, so that one story is one alarm whichever
 * sensor tells it.
 */
export function createElderAlarm(kind: string, { place, devices: [first], elder }: SceneTarget): SensorAlarm {
  return createSensorAlarm({ ...deviceAlarm(kind, first?.id ?? '', place), person: elder?.id })
}

/** Tells with a `raise` that it happened just now. */
export function asOccurrence(findings: readonly Finding[]): readonly Finding[] {
  return findings.map((finding) => (finding.type === 'raise' ? { ...finding, isOccurrence: true } : finding))
}

export const hundredth = (value: number) => Math.round(value * 100) / 100
export const minuteMs = 60_000
export const hourMs = 60 * minuteMs
