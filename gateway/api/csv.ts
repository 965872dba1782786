import type { Phrase } from '../core/alarm.ts'
import { wrongField } from '../core/field-words.ts'

/** One record of a CSV file; `line` is where it begins, counted from 1. */
export interface CsvRecord {
  line: number
  cells: string[]
}

/**
 * Reads RFC 4180 as spreadsheets write it: `\r\n` or `\n`, quoted cells with line breaks, a byte order mark, empty lines.
 * A quote that is never closed is told with the line it opens in.
 */
export function parseCsv(text: string): CsvRecord[] | { line: number; message: string; phrase: Phrase } {
  const records: CsvRecord[] = []
  let cells: string[] = []
  let cell = ''
  let isQuoted = false
  let quotedSince = 0
  let line = 1
  let startedIn = 1
  const endRecord = () => {
    cells.push(cell)
    if (cells.some((each) => each.trim() !== '')) records.push({ line: startedIn, cells })
    cells = []
    cell = ''
  }
  for (let at = text.startsWith('\ufeff') ? 1 : 0; at < text.length; at++) {
    const character = text[at]!
    if (character === '\n') line++
    if (isQuoted) {
      if (character !== '"') cell += character
      else if (text[at + 1] === '"') {
        cell += '"'
        at++
      } else isQuoted = false
    } else if (character === '"' && cell === '') {
      isQuoted = true
      quotedSince = line
    } else if (character === ',') {
      cells.push(cell)
      cell = ''
    } else if (character === '\n') {
      endRecord()
      startedIn = line
    } else if (character !== '\r') cell += character
  }
  if (isQuoted) return { line: quotedSince, ...wrongField('quote-open') }
  endRecord()
  return records
}

/** What spreadsheets take for a formula; a number is none. */
const isFormula = (cell: string) => /^[=+\-@\t\r]/.test(cell) && !/^-?\d+(\.\d+)?$/.test(cell)

/**
 * Writes records for spreadsheets: with a byte order mark, by which Excel knows that it is UTF-8, and an apostrophe before
 * what it would run as a formula.
 */
export function writeCsv(records: ReadonlyArray<ReadonlyArray<string>>): string {
  const write = (cell: string) => {
    const guarded = isFormula(cell) || /^'+[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
    return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded
  }
  return `\ufeff${records.map((cells) => `${cells.map(write).join(',')}\r\n`).join('')}`
}

/** A cell as it was before `writeCsv` guarded it. */
export function unguarded(cell: string): string {
  return /^'+[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell
}

/** Text of a file somebody saved: UTF-8, or what a Chinese Excel saves as plain CSV. */
export function decodeSheet(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return new TextDecoder('gb18030').decode(bytes)
  }
}
