import assert from 'node:assert'
import type { Test } from 'tap'

/**
 * `test` of node:test as far as the contract suites of mqemitter and aedes-persistence use it, on a tap test.
 * A suite's plan is not taken over: the assertions themselves decide.
 */
export function nodeTestOn(t: Test) {
  const results: Promise<unknown>[] = []
  const test = (name: string, body: (context: unknown) => Promise<void>) => {
    results.push(
      t.test(name, async (inner) => {
        const checks = ['ok', 'equal', 'notEqual', 'deepEqual', 'ifError'] as const
        const asserts = checks.map((check) => [
          check,
          (...args: [unknown, unknown]) => {
            ;(assert[check] as (...args: unknown[]) => void)(...args)
            inner.pass(typeof args.at(-1) === 'string' ? (args.at(-1) as string) : check)
          },
        ])
        await body({
          plan: () => {},
          diagnostic: (message: string) => inner.comment(message),
          fail: (message: string) => assert.fail(message),
          assert: Object.fromEntries(asserts),
        })
      }),
    )
  }
  return { test, done: () => Promise.all(results) }
}
