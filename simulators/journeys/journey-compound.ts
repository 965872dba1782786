import type { Test } from 'tap'
import { type CompoundOptions, startCompound } from '../compound.ts'
import { compoundPorts } from '../ports.ts'

/** Everybody at the platform is fast, so that a whole case fits into a test. */
export const fastPlatform = { delaysMs: { file: 50, dispatch: 50, accept: 50, handle: 100, verify: 50, close: 50 } }

/** A compound with one lift that lives as long as the test, on ports nobody uses. */
export async function journeyCompound(t: Test, options: Partial<CompoundOptions> & Pick<CompoundOptions, 'devices'>) {
  const ports = await compoundPorts()
  const compound = await startCompound({ lifts: 1, ports, ...options, dir: options.dir ?? t.testdir() })
  t.teardown(() => compound.stop())
  return { compound, ports }
}
