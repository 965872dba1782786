import { openStore } from '../store.ts'
import { sampleAlarm, system } from './sample-rows.ts'

/**
 * A process to be killed: stores one alarm after another and says each id on standard output once it is committed.
 * Arguments: the store's file, a prefix for the ids.
 */
const [file, prefix] = process.argv.slice(2)
if (!file || !prefix) throw new Error('usage: alarm-writer <file> <prefix>')
const store = openStore({ file, now: Date.now })

for (let n = 1; ; n++) {
  const id = `${prefix}-${n}`
  const alarm = sampleAlarm({ id, source: { type: 'camera', id } })
  store.transact((transaction) => {
    transaction.putAlarm(alarm, { type: 'raised', alarm }, system, Date.now())
    transaction.append({
      topic: 'event',
      at: Date.now(),
      subject: id,
      transition: 'told',
      actor: system,
      data: { number: transaction.nextCaseNumber(2026) },
    })
  })
  process.stdout.write(`${id}\n`)
  // Standard output to a pipe is asynchronous: let it drain, or nothing was ever said.
  await new Promise((resolve) => setImmediate(resolve))
}
