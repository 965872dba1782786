import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { StartError } from './core/errors.ts'

/**
 * Makes the data directory with what is missing above it, one step at a time: where a file system refuses without
 * saying that a parent is missing, Node's recursive mkdir would try for ever.
 * @throws {StartError} when it cannot be made or written
 */
export function makeDataDir(dataDir: string): void {
  const missing: string[] = []
  for (let path = resolve(dataDir); !existsSync(path); path = dirname(path)) missing.unshift(path)
  try {
    for (const path of missing) mkdirSync(path, { mode: 0o700 })
    accessSync(dataDir, constants.W_OK)
  } catch (error) {
    throw new StartError(
      `the data directory ${dataDir} cannot be written (${(error as NodeJS.ErrnoException).code})`,
      'choose another dataDir in the site file, or give this user the right to write there',
      error,
    )
  }
}
