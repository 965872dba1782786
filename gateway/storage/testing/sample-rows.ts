import type { Actor, Alarm, Evidence } from '../../core/alarm.ts'
import type { Case } from '../../core/case.ts'

/** Rows for this folder's tests: complete, valid, and alike but for what a test changes. */

export const system: Actor = { type: 'system', id: 'gateway' }

/** 2026-03-01T00:00:00Z. */
export const day = 1_772_323_200_000

export function sampleAlarm(changes: Partial<Alarm> = {}): Alarm {
  return {
    id: 'alarm-1',
    scene: 'ebike-in-elevator',
    kind: 'ebike_in_elevator',
    severity: 'high',
    certainty: 0.9,
    place: { site: 'garden', building: 'b3', lift: 'l1' },
    source: { type: 'camera', id: 'camera-1' },
    raisedAt: day,
    lastSeenAt: day,
    count: 1,
    isActive: true,
    isAcknowledged: false,
    why: [{ key: 'seen', label: '电动自行车' }],
    evidence: [],
    warnings: [],
    ...changes,
  }
}

export function sampleEvidence(changes: Partial<Evidence> = {}): Evidence {
  return {
    id: 'evidence-1',
    type: 'snapshot',
    camera: 'camera-1',
    fromAt: day,
    toAt: day,
    contentType: 'image/jpeg',
    file: '2026-03-01/evidence-1.jpg',
    bytes: 5,
    sha256: '0'.repeat(64),
    createdAt: day,
    ...changes,
  }
}

export function sampleCase(changes: Partial<Case> = {}): Case {
  return {
    id: 'case-1',
    number: '2026-000001',
    type: 'ebike_in_elevator',
    title: 'E-bike in lift 1',
    severity: 'high',
    place: { site: 'garden', building: 'b3', lift: 'l1' },
    alarmIds: ['alarm-1'],
    state: 'reported',
    level: 'P',
    openedAt: day,
    returnedCount: 0,
    reworkCount: 0,
    history: [],
    ...changes,
  }
}
