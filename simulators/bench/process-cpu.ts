import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of /proc/<pid>/stat per second; fixed at 100 for user space (proc(5)). */
const ticksPerSecond = 100

interface ProcessRow {
  parent: number
  /** User and system time of the process and its reaped children, seconds. */
  seconds: number
}

/** CPU seconds used so far by a process, its living descendants and the children it has reaped. Linux only. */
export function treeCpuSeconds(pid: number): number {
  const rows = new Map<number, ProcessRow>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const fields = statFields(entry)
      const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0)
      rows.set(Number(entry), { parent: Number(fields[1]), seconds: ticks / ticksPerSecond })
    } catch {
      // It ended between the listing and the reading.
    }
  }
  let total = 0
  for (const [id, row] of rows) {
    for (
      let ancestor: number | undefined = id;
      ancestor !== undefined && ancestor > 1;
      ancestor = rows.get(ancestor)?.parent
    )
      if (ancestor === pid) {
        total += row.seconds
        break
      }
  }
  return total
}

/** What follows the name of a process in /proc/<pid>/stat, from its state on (proc(5)). */
function statFields(pid: number | string): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** CPU seconds used so far by one process with all its threads, without its children. Linux only. */
export function ownCpuSeconds(pid: number): number {
  const fields = statFields(pid)
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** CPU seconds since the start of this machine. Linux only. */
export interface MachineCpu {
  /** Used by everything on it. */
  used: number
  /** Wanted by something on it and given to others by its host. */
  stolen: number
}

/** @throws Error where there is no /proc/stat */
export function machineCpu(): MachineCpu {
  // user nice system idle iowait irq softirq steal (proc(5)); time of guests is in the first two.
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return {
    used: (user! + nice! + system! + irq! + softirq!) / ticksPerSecond,
    stolen: steal! / ticksPerSecond,
  }
}

/** CPU seconds used since the start by everything on this machine, and taken from it by its host. Linux only. */
export function machineCpuSeconds(): number {
  const { used, stolen } = machineCpu()
  return used + stolen
}

/** Beyond it what was measured tells of the neighbours. */
const noticedShare = 0.05

/** Says so when the host gave much of the time this machine wanted to others; undefined when it did not. */
export function stolenNote(before: MachineCpu, after: MachineCpu): string | undefined {
  const stolen = after.stolen - before.stolen
  const share = stolen / (stolen + after.used - before.used)
  if (!(share > noticedShare)) return undefined
  return `the host gave ${Math.round(share * 100)} % of the processor time wanted here to other machines (steal): not for quoting`
}

/** Resident memory of a process, bytes. */
export function residentBytes(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1] ?? 0) * 1024
}
