import { applyAlarm, isRefusal } from '../../core/alarm.ts'
import { applyCase, type Case } from '../../core/case.ts'
import { DeliveryError } from '../../core/errors.ts'
import type { AlarmService, Camera, CameraStatus, CaseService, LiveViewer, Store } from '../../core/ports.ts'

/** The rules of core over a real store, without speakers, upstreams and disposal list. */
export function createServices(store: Store, now: () => number): { alarms: AlarmService; cases: CaseService } {
  const alarms: AlarmService = {
    acknowledge: (id, by) => step(id, { type: 'acknowledged', at: now(), by: by.id }, by),
    verdict: (id, verdict, by) => step(id, { type: 'verdict', at: now(), ...verdict, by: by.id }, by),
    shelve: (id, shelving, by) => step(id, { type: 'shelved', at: now(), ...shelving, by: by.id }, by),
    unshelve: (id, by) => step(id, { type: 'unshelved', at: now() }, by),
    async repeatVoice(id) {
      if (store.alarm(id)?.isActive !== true) return { refused: 'a cleared alarm is not spoken again' }
      throw new DeliveryError('the speaker does not answer', { retryable: true, hint: 'look at its power' })
    },
    stopVoice: (id) => (store.alarm(id)?.isActive ? undefined : { refused: 'nothing is spoken' }),
    openCase: (id, by) => {
      const alarm = store.alarm(id)!
      if (alarm.caseId) return { refused: `already case ${alarm.caseId}` }
      const { kind, severity, place } = alarm
      const opened: Case = {
        id: `case-of-${id}`,
        number: '2026-000001',
        type: kind,
        title: kind,
        severity,
        place,
        alarmIds: [id],
        state: 'reported',
        level: 'P',
        openedAt: now(),
        returnedCount: 0,
        reworkCount: 0,
        history: [],
      }
      store.transact((transaction) => transaction.putCase(opened, { type: 'opened', at: now() }, by))
      return opened
    },
  }
  const step = (
    id: string,
    transition: Parameters<typeof applyAlarm>[1],
    by: Parameters<AlarmService['acknowledge']>[1],
  ) => {
    const next = applyAlarm(store.alarm(id)!, transition)
    if (!isRefusal(next)) store.transact((transaction) => transaction.putAlarm(next, transition, by, now()))
    return next
  }
  const cases: CaseService = {
    transition(id, wanted, actor) {
      const transition = { at: now(), ...wanted, actor }
      const next = applyCase(store.case(id)!, transition)
      if (!isRefusal(next)) store.transact((transaction) => transaction.putCase(next, transition, actor))
      return next
    },
    reportUpstream: () => ({ refused: 'no upstream is configured' }),
    linkUpstream(id, link, actor) {
      const next = { ...store.case(id)!, ...link }
      store.transact((transaction) => transaction.putCase(next, { type: 'linked', at: now() }, actor))
      return next
    },
  }
  return { alarms, cases }
}

/** A camera without glass: shows what a test gives it. */
export interface FakeCamera extends Camera {
  readonly viewers: Set<LiveViewer>
  /** How its pictures were asked for. */
  readonly asked: ReadonlyArray<{ isMasked?: boolean }>
  picture: Uint8Array | undefined
  setState(state: CameraStatus['state']): void
}

export function createFakeCameras(ids: readonly string[]): {
  list(): FakeCamera[]
  onStatus(listener: (status: CameraStatus) => void): () => void
} {
  const listeners = new Set<(status: CameraStatus) => void>()
  const cameras = ids.map((id): FakeCamera => {
    let status: CameraStatus = { id, state: 'up', since: 0, framesPerSecond: 5, droppedFrames: 0, reconnects: 0 }
    const viewers = new Set<LiveViewer>()
    const asked: Array<{ isMasked?: boolean }> = []
    return {
      id,
      viewers,
      asked,
      picture: undefined,
      status: () => status,
      setState(state) {
        status = { ...status, state }
        for (const listener of listeners) listener(status)
      },
      async snapshot(options = {}) {
        asked.push(options)
        return this.picture
      },
      clip: () => Promise.reject(new Error('no clips here')),
      watch(viewer, how = {}) {
        asked.push(how)
        viewers.add(viewer)
        return () => viewers.delete(viewer)
      },
    }
  })
  return {
    list: () => cameras,
    onStatus(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
