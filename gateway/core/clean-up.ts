/** What was opened, to be closed in reverse order. */
export interface CleanUp {
  /** Call it in the line after something was opened. */
  defer(name: string, undo: () => void | Promise<void>): void
  /** Runs every undo once, last first. An undo that throws is reported and does not stop the others. */
  run(onError?: (name: string, error: unknown) => void): Promise<void>
}

/** A clean-up stack: a half-started process rolls back the same way a running one stops. */
export function createCleanUp(): CleanUp {
  const stack: Array<{ name: string; undo: () => void | Promise<void> }> = []
  return {
    defer(name, undo) {
      stack.push({ name, undo })
    },
    async run(onError) {
      for (let entry = stack.pop(); entry; entry = stack.pop()) {
        try {
          await entry.undo()
        } catch (error) {
          onError?.(entry.name, error)
        }
      }
    },
  }
}
