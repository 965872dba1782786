import type { Scene } from './core/scene.ts'

/** A scene that runs in this gateway. */
export interface RunningScene {
  kind: string
  /** Names it among all, the same after a restart; what it has learnt is kept under this name. */
  id?: string
  scene: Scene
  /** What it is shown; frames of other cameras and values of other devices never reach it. */
  cameras: Iterable<string>
  devices: Iterable<string>
  /** Values of other metrics never reach it either; absent: all. */
  metrics?: ReadonlySet<string>
}

export interface SceneIndex {
  ofCamera(camera: string): readonly RunningScene[]
  ofDevice(device: string): readonly RunningScene[]
  readonly cameras: Iterable<string>
  /** Every scene there is. */
  readonly all: ReadonlySet<RunningScene>
  /** Takes scenes away and adds others. */
  change(gone: Iterable<RunningScene>, come: Iterable<RunningScene>): void
  /** The scene was shown something: it may want its tick at another time. */
  requeue(running: RunningScene): void
  /** Scenes whose tick is due. A clock that was set back wakes all of them. */
  takeDue(at: number): RunningScene[]
}

const none: readonly RunningScene[] = []
const slotMs = 1000
/** A tick this far before the last means that the clock was set back. */
const clockStepMs = 2000
/** Further apart the ticks are looked up by what is there instead of by the second. */
const longGapSlots = 600

/**
 * Finds the scenes that a camera, a device or the time concerns, without asking the others: with ten thousand devices
 * almost every scene is idle at almost every moment.
 */
export function createSceneIndex(scenes: readonly RunningScene[]): SceneIndex {
  const all = new Set<RunningScene>()
  const byCamera = new Map<string, RunningScene[]>()
  const byDevice = new Map<string, RunningScene[]>()
  const always = new Set<RunningScene>()
  /** Scenes that wait for a tick by the second it is due in; each is in one of them at most. */
  const slots = new Map<number, Set<RunningScene>>()
  const slotOf = new Map<RunningScene, number>()
  let lastSlot = Number.NaN
  let lastAt = Number.NEGATIVE_INFINITY

  function leave(running: RunningScene): void {
    const slot = slotOf.get(running)
    if (slot === undefined) return
    slotOf.delete(running)
    const waiting = slots.get(slot)
    waiting?.delete(running)
    if (waiting?.size === 0) slots.delete(slot)
  }

  function requeue(running: RunningScene): void {
    if (!running.scene.wakeAt) return
    const due = running.scene.wakeAt()
    const known = slotOf.get(running)
    if (due === Number.POSITIVE_INFINITY) {
      if (known !== undefined) leave(running)
      return
    }
    // What is overdue comes with the next tick.
    const slot = Math.max(Math.ceil(due / slotMs), Number.isNaN(lastSlot) ? Number.NEGATIVE_INFINITY : lastSlot + 1)
    if (slot === known) return
    leave(running)
    slotOf.set(running, slot)
    const waiting = slots.get(slot)
    if (waiting) waiting.add(running)
    else slots.set(slot, new Set([running]))
  }

  function dueSlots(slot: number): number[] {
    if (Number.isNaN(lastSlot) || slot - lastSlot > longGapSlots)
      return [...slots.keys()].filter((key) => key <= slot).sort((a, b) => a - b)
    const found: number[] = []
    for (let key = lastSlot + 1; key <= slot; key++) if (slots.has(key)) found.push(key)
    return found
  }

  function enter(running: RunningScene): void {
    all.add(running)
    for (const camera of running.cameras) addTo(byCamera, camera, running)
    for (const device of running.devices) addTo(byDevice, device, running)
    if (!running.scene.wakeAt) always.add(running)
    requeue(running)
  }

  function exit(running: RunningScene): void {
    all.delete(running)
    for (const camera of running.cameras) removeFrom(byCamera, camera, running)
    for (const device of running.devices) removeFrom(byDevice, device, running)
    always.delete(running)
    leave(running)
  }

  for (const running of scenes) enter(running)

  return {
    all,
    change(gone, come) {
      for (const running of gone) exit(running)
      for (const running of come) enter(running)
    },
    ofCamera: (camera) => byCamera.get(camera) ?? none,
    ofDevice: (device) => byDevice.get(device) ?? none,
    cameras: byCamera.keys(),
    requeue,
    takeDue(at) {
      const slot = Math.floor(at / slotMs)
      const isSetBack = at < lastAt - clockStepMs
      lastAt = at
      if (isSetBack) {
        lastSlot = slot
        slots.clear()
        slotOf.clear()
        return [...all]
      }
      const due = [...always]
      for (const key of dueSlots(slot)) {
        for (const running of slots.get(key)!) {
          slotOf.delete(running)
          due.push(running)
        }
        slots.delete(key)
      }
      lastSlot = Number.isNaN(lastSlot) ? slot : Math.max(lastSlot, slot)
      return due
    },
  }
}

function addTo(map: Map<string, RunningScene[]>, name: string, running: RunningScene): void {
  const list = map.get(name)
  if (list) list.push(running)
  else map.set(name, [running])
}

function removeFrom(map: Map<string, RunningScene[]>, name: string, running: RunningScene): void {
  // A copy: the list may be walked through at this moment.
  const left = map.get(name)?.filter((each) => each !== running) ?? []
  if (left.length > 0) map.set(name, left)
  else map.delete(name)
}
