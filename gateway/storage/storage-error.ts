import { StartError } from '../core/errors.ts'

/** The database refused a read or a write. What `transact` threw it from was rolled back as a whole. */
export class StorageError extends Error {
  /** What an operator can do about it. */
  readonly hint?: string
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'StorageError'
    if (options.hint !== undefined) this.hint = options.hint
  }
}

/** SQLite's primary result codes this folder tells apart. Source: sqlite.org/rescode.html. */
const primaryCodes: Readonly<Record<number, 'denied' | 'busy' | 'broken-disk' | 'damaged' | 'full' | 'constraint'>> = {
  3: 'denied',
  8: 'denied',
  14: 'denied',
  5: 'busy',
  6: 'busy',
  10: 'broken-disk',
  11: 'damaged',
  26: 'damaged',
  13: 'full',
  19: 'constraint',
}

/** What kind of failure SQLite reports, or undefined for anything else. */
export function sqliteFailure(error: unknown): (typeof primaryCodes)[number] | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode
  return typeof code === 'number' ? primaryCodes[code & 0xff] : undefined
}

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** A running database's failure, with the cure. */
export function storageError(file: string, error: unknown): Error {
  switch (sqliteFailure(error)) {
    case 'full':
      return new StorageError(`the disk of ${file} is full`, { hint: 'free space on it', cause: error })
    case 'damaged':
    case 'broken-disk':
      return new StorageError(`${file} cannot be read or written: ${text(error)}`, {
        hint: 'check the disk (dmesg, smartctl), then restart; if the file stays damaged, restore it from a backup',
        cause: error,
      })
    case 'denied':
    case 'busy':
      return new StorageError(`${file} cannot be written: ${text(error)}`, {
        hint: 'see which other program holds the file, and that the data directory is writable',
        cause: error,
      })
    default:
      return error instanceof Error ? error : new StorageError(text(error))
  }
}

/** A failure to open a file at start, with the cure. */
export function openError(file: string, directory: string, error: unknown): StartError {
  if (error instanceof StartError) return error
  switch (sqliteFailure(error)) {
    case 'full':
      return new StartError(`the disk of ${file} is full`, 'free space on it and start again', error)
    case 'damaged':
      return new StartError(
        `${file} is damaged or is no database: ${text(error)}`,
        `restore it from a backup, or move it away together with its -wal and -shm files to begin with an empty one`,
        error,
      )
    case 'busy':
      return new StartError(
        `${file} is in use by another program`,
        'stop the other gateway on this data directory, or give this one its own',
        error,
      )
    default:
      return new StartError(
        `cannot write ${file}: ${text(error)}`,
        `make ${directory} writable for the user this program runs as${
          process.getuid ? ` (uid ${process.geteuid?.()})` : ''
        }, or choose another data directory`,
        error,
      )
  }
}
