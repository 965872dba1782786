import type { Phrase } from './alarm.ts'

/** One thing wrong with the configuration, at a place a person can open. */
export interface ConfigProblem {
  /** Path inside the document, e.g. `cameras[2].url`. */
  path: string
  /** 1-based line in the file, where known. */
  line?: number
  message: string
  /** The message for translation; absent where only the words are known. */
  phrase?: Phrase
}

/** The configuration cannot be used. Carries every problem at once; the process exits with 78 (EX_CONFIG). */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[]
  readonly file: string
  constructor(file: string, problems: readonly ConfigProblem[]) {
    super(
      [
        `${file}: ${problems.length} problem${problems.length === 1 ? '' : 's'}`,
        ...problems.map((p) => `  ${p.line ? `line ${p.line}: ` : ''}${p.path || '(document)'}: ${p.message}`),
      ].join('\n'),
    )
    this.name = 'ConfigError'
    this.file = file
    this.problems = problems
  }
}

/** A start-up condition that a person must mend first (port in use, directory not writable). Exit code 1, no stack. */
export class StartError extends Error {
  readonly hint: string
  constructor(message: string, hint: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StartError'
    this.hint = hint
  }
}

/** A delivery to the outside (speaker, person, platform) failed. Only the retry decorator decides what follows. */
export class DeliveryError extends Error {
  readonly retryable: boolean
  /** What an operator can do about it. */
  readonly hint?: string
  /** The message for translation; absent where it is known in words only. */
  readonly phrase?: Phrase
  /** The hint for translation. */
  readonly hintPhrase?: Phrase
  /** The other side asks to be left alone for so long. */
  readonly retryAfterMs?: number
  constructor(
    message: string,
    options: {
      retryable: boolean
      hint?: string
      phrase?: Phrase
      hintPhrase?: Phrase
      retryAfterMs?: number
      cause?: unknown
    },
  ) {
    super(message, { cause: options.cause })
    this.name = 'DeliveryError'
    this.retryable = options.retryable
    if (options.hint !== undefined) this.hint = options.hint
    if (options.phrase !== undefined) this.phrase = options.phrase
    if (options.hintPhrase !== undefined) this.hintPhrase = options.hintPhrase
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
  }
}

/** The message cannot reach this one person (no number, a wrong mailbox); the channel itself is sound. */
export class RecipientError extends DeliveryError {
  constructor(message: string, options: { hint: string; phrase?: Phrase; hintPhrase?: Phrase; cause?: unknown }) {
    super(message, { ...options, retryable: false })
    this.name = 'RecipientError'
  }
}
