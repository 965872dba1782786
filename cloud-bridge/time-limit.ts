/** The work took longer than it may. */
export class TimeLimitError extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms / 1000} s`)
    this.name = 'TimeLimitError'
  }
}

/**
 * Runs `work` with a signal that is aborted with the caller's or after `ms`, whichever comes first. Leaves no
 * listener on the caller's signal, which lives as long as the process.
 */
export async function withTimeLimit<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const limited = new AbortController()
  const timer = setTimeout(() => limited.abort(new TimeLimitError(ms)), ms)
  const abort = () => limited.abort(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await work(limited.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}
