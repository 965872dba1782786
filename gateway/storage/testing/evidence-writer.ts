import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createEvidenceStore } from '../evidence.ts'
import { openStore } from '../store.ts'
import { sampleAlarm, system } from './sample-rows.ts'

/**
 * A process to be killed: stores evidence for one alarm after another. Arguments: the data directory, and the step after
 * which it stands still (`written`, `committed`, `stored`; none: it never does). Says `<step> <evidence id>` on standard
 * output.
 */
const [directory, standAfter] = process.argv.slice(2)
if (!directory) throw new Error('usage: evidence-writer <directory> [step]')
const store = openStore({ file: join(directory, 'gateway.db'), now: Date.now })
const evidenceStore = createEvidenceStore({
  dir: join(directory, 'evidence'),
  store,
  retentionMs: Number.POSITIVE_INFINITY,
  now: Date.now,
})

async function say(step: string, id: string): Promise<void> {
  await new Promise((resolve) => process.stdout.write(`${step} ${id}\n`, resolve))
  if (step === standAfter) await new Promise((resolve) => setTimeout(resolve, 600_000))
}

for (;;) {
  const { id, temporaryFile } = evidenceStore.reserve('unused', 'snapshot', 'jpg')
  const source = { type: 'camera', id } as const
  const alarm = sampleAlarm({ id: `alarm-of-${id}`, source })
  store.transact((transaction) => transaction.putAlarm(alarm, { type: 'raised', alarm }, system, Date.now()))
  writeFileSync(temporaryFile, `picture ${id}`.repeat(1000))
  await say('written', id)
  const at = Date.now()
  const evidence = await evidenceStore.commit(id, {
    type: 'snapshot',
    camera: 'camera-1',
    fromAt: at,
    toAt: at,
    contentType: 'image/jpeg',
  })
  await say('committed', id)
  store.transact((transaction) =>
    transaction.putAlarm({ ...alarm, evidence: [evidence] }, { type: 'evidence-added', at, evidence }, system, at),
  )
  await say('stored', id)
}
