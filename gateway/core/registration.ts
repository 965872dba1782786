import type { Actor, Phrase, Refusal } from './alarm.ts'
import type { Place } from './place.ts'

/** A device as a person writes it down on the console; the site file's devices are written the same way. */
export interface WrittenDevice {
  id: string
  name: { zh: string; en: string }
  kind: string
  place: Omit<Place, 'site' | 'gridCell'>
  codec: string
  /** Of its codec. */
  options: Record<string, unknown>
  /** Its name in its family, where many devices share the family's topics. */
  address?: string
  /** Free labels. */
  groups: string[]
  /** Silent for twice as long: offline. */
  heartbeatSeconds: number
  /** The elder whose it is: band, button, bed, a door of the home … */
  elder?: string
  /** Where its values stand in a Modbus device: it is polled, and logs in nowhere. */
  modbus?: WrittenModbus
}

/** A Modbus TCP device or converter and the registers in it that are one device's. */
export interface WrittenModbus {
  host: string
  port: number
  /** Slave or unit id. */
  unit: number
  pollSeconds: number
  timeoutSeconds: number
  registers: ModbusPoint[]
}

/** Where one value stands in a Modbus device. */
export interface ModbusPoint {
  metric: string
  table: 'holding' | 'input' | 'coil' | 'discrete'
  /** As on the wire, counted from 0. */
  address: number
  type: 'uint16' | 'int16' | 'uint32' | 'int32' | 'float32' | 'boolean'
  /** Low word first, of 32-bit types. */
  swapWords: boolean
  factor: number
  offset: number
}

/** What is wrong with one field of what somebody wrote: `place.unit`, `kind`. */
export interface FieldProblem {
  field: string
  message: string
  /** The message for translation; absent where only the words are known. */
  phrase?: Phrase
}

/** An MQTT login. Shown once: the gateway keeps only its hash. */
export interface MqttCredentials {
  username: string
  /** Also its client id. */
  password: string
  /** Where it publishes its readings. */
  topic: string
}

export interface Registered {
  device: WrittenDevice
  /** Only of devices that log in to the embedded broker themselves. */
  credentials?: MqttCredentials
}

/** One row of a list that is brought in at once; `line` counts from 1 in the file it stood in. */
export interface ImportRow {
  line: number
  written: Record<string, unknown>
}

export interface ImportReport {
  added: string[]
  changed: string[]
  unchanged: string[]
  /** Devices of the site file: they are not touched from here. */
  ofSiteFile: string[]
  credentials: MqttCredentials[]
}

export type ImportProblem = FieldProblem & { line: number }

/**
 * Devices that people register while the gateway runs, beside those of the site file. What is answered is live: the next
 * message of the device is read. Devices of the site file are refused: they are changed there. Undefined: there is none.
 */
export interface DeviceRegistrar {
  add(written: unknown, by: Actor): Promise<Registered | Refusal | { problems: FieldProblem[] }>
  /** `changes` replaces the fields it names; null takes one away. */
  change(
    id: string,
    changes: Record<string, unknown>,
    by: Actor,
  ): Promise<Registered | Refusal | { problems: FieldProblem[] } | undefined>
  /** Its open alarms are cleared, its login ends. */
  remove(id: string, by: Actor): Promise<'removed' | Refusal | undefined>
  /** New ones; the old ones end within a second or two. */
  renewCredentials(id: string, by: Actor): Promise<MqttCredentials | Refusal | undefined>
  /** All of it or nothing. */
  importAll(
    rows: readonly ImportRow[],
    options: { isDryRun: boolean },
    by: Actor,
  ): Promise<ImportReport | { problems: ImportProblem[] }>
  /** Every device as it is written down, for an export. */
  written(): Array<WrittenDevice & { definedBy: 'site-file' | 'console' }>
}
