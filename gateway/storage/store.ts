import type { JournalEntry } from '../core/journal.ts'
import type { Store, StoreTransaction } from '../core/ports.ts'
import { createAlarmTable } from './alarm-table.ts'
import { type CalibrationTable, createCalibrationTable } from './calibration-table.ts'
import { createCaseTable } from './case-table.ts'
import { closeDatabase, openDatabase } from './database.ts'
import { createDeviceTable, type DeviceTable } from './device-table.ts'
import { createEvidenceTable, type EvidenceTable } from './evidence-table.ts'
import { lockFile } from './file-lock.ts'
import { createJournal, type JournalDraft } from './journal.ts'
import { createLearningTable, type LearningTable } from './learning-table.ts'
import { createModelTable, type ModelTable } from './model-table.ts'
import { createPushTable } from './push-table.ts'
import { StorageError, storageError } from './storage-error.ts'
import { createUserTable } from './user-table.ts'

export interface StoreOptions {
  /** Path of the SQLite file; beside it lie `-wal`, `-shm` and `.lock`. `:memory:` for a test that needs no disk. */
  file: string
  /** Epoch ms; decides which sessions have expired. */
  now: () => number
  /** Told when a listener of the journal throws; a pino logger fits. */
  logger?: { error(fields: { err: unknown; seq: number }, message: string): void }
}

/** The store as its owner sees it: the port, and the rows that name files for the stores of those files. */
export interface OpenStore extends Store {
  readonly evidenceRows: EvidenceTable
  readonly learningRows: LearningTable
  readonly modelRows: ModelTable
  readonly deviceRows: DeviceTable
  readonly calibrationRows: CalibrationTable
}

/** "GrGt" in ASCII. */
const applicationId = 0x47724774

const migrations = [
  '001-alarms-cases-journal.sql',
  '002-shelved-alarms.sql',
  '003-people.sql',
  '004-learning.sql',
  '005-devices.sql',
  '006-facades.sql',
  '007-push-of-accounts.sql',
  '008-taken-back.sql',
].map((name) => new URL(`./migrations/store/${name}`, import.meta.url))

/**
 * Opens the gateway's store: alarms, cases, journal, evidence rows, users and sessions in one SQLite file, each commit
 * on the disk before it returns. One process at a time.
 *
 * A transaction passes through three states:
 *
 *   running ──work returns──▶ committed ──▶ told (listeners hear each entry, in the order of seq)
 *      └──work or commit throws──▶ rolled back: nothing was stored, nobody hears of it, the error goes to the caller
 *
 * A listener may start a transaction of its own; its entries are told after the ones being told now.
 * @throws StartError when the file cannot be opened, with the cure
 */
export function openStore({ file, now, logger }: StoreOptions): OpenStore {
  const unlock = file === ':memory:' ? () => {} : lockFile(file)
  try {
    return createStore({ file, now, ...(logger ? { logger } : {}) }, unlock)
  } catch (error) {
    unlock()
    throw error
  }
}

function createStore({ file, now, logger }: StoreOptions, unlock: () => void): OpenStore {
  const database = openDatabase({ file, migrations, applicationId, synchronous: 'FULL' })
  const journal = createJournal(database)
  const evidence = createEvidenceTable(database)
  const alarms = createAlarmTable(database, evidence)
  const cases = createCaseTable(database)
  const learning = createLearningTable(database)
  const models = createModelTable(database)
  const calibrations = createCalibrationTable(database)
  const users = createUserTable(database, now)
  const push = createPushTable(database)
  const devices = createDeviceTable(database)

  const listeners = new Set<(entry: JournalEntry) => void>()
  /** Committed, not yet told. */
  const untold: JournalEntry[] = []
  let isTelling = false
  let lastSeq = journal.lastSeq()

  function tell(entries: JournalEntry[]): void {
    untold.push(...entries)
    if (isTelling) return
    isTelling = true
    for (let entry = untold.shift(); entry; entry = untold.shift()) {
      for (const listener of [...listeners]) {
        try {
          listener(entry)
        } catch (err) {
          logger?.error({ err, seq: entry.seq }, 'a listener of the journal failed')
        }
      }
    }
    isTelling = false
  }

  function beginTransaction(): { transaction: StoreTransaction; entries: JournalEntry[]; end(): void } {
    const entries: JournalEntry[] = []
    let hasEnded = false
    const append = (draft: JournalDraft): JournalEntry => {
      if (hasEnded) throw new StorageError('the transaction has ended')
      const entry = journal.append(draft)
      entries.push(entry)
      return entry
    }
    const transaction: StoreTransaction = {
      putAlarm(alarm, transition, actor, at) {
        const entry = append({
          topic: 'alarm',
          at,
          subject: alarm.id,
          transition: transition.type,
          actor,
          data: { alarm, transition },
        })
        alarms.put(alarm)
        evidence.add(alarm.id, alarm.evidence)
        return entry
      },
      putCase(current, transition, actor) {
        const entry = append({
          topic: 'case',
          at: transition.at,
          subject: current.id,
          transition: 'to' in transition ? transition.to : transition.type,
          actor,
          data: { case: current, transition },
        })
        cases.put(current)
        if ('idempotencyKey' in transition && transition.idempotencyKey !== undefined)
          cases.putKey(transition.idempotencyKey, current.id, entry.seq)
        return entry
      },
      append,
      nextCaseNumber(year) {
        if (hasEnded) throw new StorageError('the transaction has ended')
        return cases.nextNumber(year)
      },
    }
    return {
      transaction,
      entries,
      end() {
        hasEnded = true
      },
    }
  }

  return {
    transact(work) {
      if (database.isTransaction) throw new StorageError('a transaction is already open; work with that one')
      const { transaction, entries, end } = beginTransaction()
      let result: ReturnType<typeof work>
      try {
        database.exec('BEGIN IMMEDIATE')
        result = work(transaction)
        // What an async function writes later would belong to no transaction.
        if (result instanceof Promise) {
          result.catch(() => {})
          throw new StorageError('work inside a transaction must be synchronous')
        }
        database.exec('COMMIT')
      } catch (error) {
        // A full disk or a read error has already rolled back by itself.
        if (database.isTransaction) database.exec('ROLLBACK')
        throw storageError(file, error)
      } finally {
        end()
      }
      lastSeq = entries.at(-1)?.seq ?? lastSeq
      tell(entries)
      return result
    },

    alarm: alarms.get,
    activeAlarm: alarms.active,
    alarms: alarms.list,
    alarmsShelvedUntil: alarms.shelvedUntil,
    alarmsToEscalate: alarms.toEscalate,
    alarmsWithWaitingNotices: alarms.withWaitingNotices,
    case: cases.get,
    caseByIdempotencyKey: cases.byKey,
    cases: cases.list,
    countCases: cases.count,

    journal: journal.read,
    journalOf: journal.of,
    get lastSeq() {
      return lastSeq
    },
    onAppend(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },

    evidence: evidence.get,
    evidenceRows: evidence,
    learningRows: learning,
    modelRows: models,
    deviceRows: devices,
    calibrationRows: calibrations,

    users: users.users,
    userWithHash: users.userWithHash,
    putUser: users.putUser,
    session: users.session,
    putSession: users.putSession,
    deleteSession: users.deleteSession,
    deleteSessionsOf: users.deleteSessionsOf,
    ...push,

    close() {
      try {
        closeDatabase(database)
      } finally {
        unlock()
      }
    },
  }
}
