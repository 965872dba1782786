import { fileVersion } from './credentials.ts'

/**
 * Calls `onChange` when one of the files was replaced or written, and returns how to stop. Looks every `intervalMs`
 * instead of asking the kernel: certificates and secrets are often swapped by a link above them, which inotify misses.
 */
export function watchFiles(
  files: readonly string[],
  intervalMs: number,
  onChange: () => void | Promise<void>,
): () => void {
  const versions = async () => (await Promise.all(files.map(fileVersion))).join(' ')
  let known: string | undefined
  let busy = false
  const look = async () => {
    if (busy) return
    busy = true
    try {
      const found = await versions()
      if (known !== undefined && found !== known) await onChange()
      known = found
    } finally {
      busy = false
    }
  }
  void look()
  const timer = setInterval(look, intervalMs).unref()
  return () => clearInterval(timer)
}
