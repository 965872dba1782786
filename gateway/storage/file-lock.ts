import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { openError } from './storage-error.ts'

/**
 * Holds `<file>.lock` for as long as this process lives, so that two gateways never share one data directory: both
 * would speak in the lifts and both would number cases. The operating system lets go of it however the process ends.
 * @returns the function that lets go
 * @throws StartError when another process, or another gateway in this one, holds it
 */
export function lockFile(file: string): () => void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o750 })
    const lock = new DatabaseSync(`${file}.lock`)
    try {
      lock.exec('BEGIN EXCLUSIVE')
    } catch (error) {
      lock.close()
      throw error
    }
    return () => {
      if (lock.isOpen) lock.close()
    }
  } catch (error) {
    throw openError(file, dirname(file), error)
  }
}
