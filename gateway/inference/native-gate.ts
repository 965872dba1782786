/** Shared memory of a gate; one per worker thread. */
export type NativeGateMemory = Int32Array<SharedArrayBuffer>

/** Memory of a new gate, open. */
export function createNativeGateMemory(): NativeGateMemory {
  return new Int32Array(new SharedArrayBuffer(4))
}

const outside = 0
const inside = 1
const condemned = 2

/**
 * Keeps a thread from being terminated inside native code.
 *
 *   outside ──enter──▶ inside ──leave──▶ outside
 *      └──condemn──▶ condemned: the thread never gets in again and may be terminated
 *
 * The thread calls enter and leave, its owner condemn; whichever comes first wins.
 */
export function createNativeGate(memory: NativeGateMemory) {
  return {
    /** Throws when the thread is condemned. */
    enter(): void {
      const was = Atomics.compareExchange(memory, 0, outside, inside)
      if (was === condemned) throw new Error('this thread is about to be ended')
    },
    leave(): void {
      Atomics.compareExchange(memory, 0, inside, outside)
    },
    /** False while the thread is inside. */
    condemn(): boolean {
      return Atomics.compareExchange(memory, 0, outside, condemned) !== inside
    },
  }
}
