import { setTimeout as wait } from 'node:timers/promises'
import modbus from 'modbus-serial'
import type { Logger } from 'pino'
import { backoffMs } from '../core/backoff.ts'
import { type WrongMessage, wrongMessage } from '../core/message-words.ts'
import type { ModbusPoint } from '../core/registration.ts'
import type { Reading } from './codecs/codec.ts'

/** A value in a Modbus device, and whose it is. */
export interface ModbusRegister extends ModbusPoint {
  device: string
}

export interface ModbusPollerOptions {
  id: string
  host: string
  port: number
  /** Slave or unit id. */
  unit: number
  pollMs: number
  timeoutMs: number
  registers: readonly ModbusRegister[]
  /** One round, by device; resolves when it is stored. */
  onReadings(readings: ReadonlyMap<string, readonly Reading[]>): Promise<void>
  /** A register the device refuses. */
  onRefusal(device: string, wrong: WrongMessage): void
  random: () => number
  logger: Logger
}

/** Registers that lie side by side, read by one request. */
interface Block {
  table: ModbusRegister['table']
  address: number
  length: number
  registers: readonly ModbusRegister[]
}

/** A CommonJS module whose export is also its `default`. */
const ModbusRTU = modbus.default
type Client = InstanceType<typeof ModbusRTU>

const backoff = { minMs: 1000, maxMs: 60_000 }
/** The protocol allows 125 registers a request. */
const maxBlock = 100

/**
 * Polls one Modbus TCP device by a map. States: disconnected ──connect──▶ polling ──error of the connection──▶
 * disconnected, with back-off. A register the device refuses is reported and the others go on.
 */
export function createModbusPoller(options: ModbusPollerOptions) {
  const blocks = blocksOf(options.registers)

  async function poll(client: Client): Promise<void> {
    const readings = new Map<string, Reading[]>()
    for (const block of blocks) {
      let words: readonly (number | boolean)[]
      try {
        words = await read(client, block)
      } catch (error) {
        if (!isException(error)) throw error
        const { table, address, length: count, registers } = block
        for (const { device, metric } of registers)
          options.onRefusal(
            device,
            wrongMessage('register-refused', { metric, count, table, address, code: error.modbusCode }),
          )
        continue
      }
      for (const register of block.registers) {
        const value = convert(register, words, register.address - block.address)
        const list = readings.get(register.device) ?? []
        readings.set(register.device, list)
        list.push({ metric: register.metric, value })
      }
    }
    await options.onReadings(readings)
  }

  /** One connection, until it is lost or the signal aborts. */
  async function runOnce(signal: AbortSignal, onPolled: () => void): Promise<void> {
    const client = new ModbusRTU()
    client.setTimeout(options.timeoutMs)
    // Errors come back from the requests; without a listener they would end the process as well.
    client.on('error', () => {})
    try {
      await client.connectTCP(options.host, { port: options.port })
      client.setID(options.unit)
      while (!signal.aborted) {
        await poll(client)
        onPolled()
        await wait(options.pollMs, undefined, { signal }).catch(() => {})
      }
    } finally {
      client.destroy(() => {})
    }
  }

  return {
    async run(signal: AbortSignal): Promise<void> {
      let attempt = 0
      let isLost: boolean | undefined
      while (!signal.aborted) {
        try {
          await runOnce(signal, () => {
            attempt = 0
            if (isLost !== false) options.logger.info({ modbus: options.id }, 'modbus device answers')
            isLost = false
          })
        } catch (error) {
          if (isLost !== true)
            options.logger.warn({ err: error, modbus: options.id }, 'modbus device is lost; trying on')
          isLost = true
        }
        await wait(backoffMs(attempt++, backoff, options.random), undefined, { signal }).catch(() => {})
      }
    },
  }
}

const wordsOf = ({ type }: ModbusRegister) => (type === 'uint32' || type === 'int32' || type === 'float32' ? 2 : 1)

function blocksOf(registers: readonly ModbusRegister[]): Block[] {
  const sorted = [...registers].sort((a, b) => a.table.localeCompare(b.table) || a.address - b.address)
  const blocks: Array<Block & { registers: ModbusRegister[] }> = []
  for (const register of sorted) {
    const end = register.address + wordsOf(register)
    const last = blocks.at(-1)
    const isNext =
      last?.table === register.table && register.address <= last.address + last.length && end - last.address <= maxBlock
    if (last && isNext) {
      last.length = Math.max(last.length, end - last.address)
      last.registers.push(register)
    } else
      blocks.push({
        table: register.table,
        address: register.address,
        length: wordsOf(register),
        registers: [register],
      })
  }
  return blocks
}

async function read(client: Client, { table, address, length }: Block): Promise<readonly (number | boolean)[]> {
  switch (table) {
    case 'holding':
      return (await client.readHoldingRegisters(address, length)).data
    case 'input':
      return (await client.readInputRegisters(address, length)).data
    case 'coil':
      return (await client.readCoils(address, length)).data
    case 'discrete':
      return (await client.readDiscreteInputs(address, length)).data
  }
}

/** An answer that says no, as against no answer. */
function isException(error: unknown): error is Error & { modbusCode: number } {
  return error instanceof Error && typeof (error as { modbusCode?: unknown }).modbusCode === 'number'
}

function convert(register: ModbusRegister, words: readonly (number | boolean)[], at: number): number | boolean {
  const first = words[at]!
  if (typeof first === 'boolean') return first
  if (register.type === 'boolean') return first !== 0
  const view = new DataView(new ArrayBuffer(4))
  const second = words[at + 1]
  const [high, low] = register.swapWords ? [second, first] : [first, second]
  view.setUint16(0, Number(high ?? 0))
  view.setUint16(2, Number(low ?? 0))
  const raw = {
    uint16: () => first,
    int16: () => (first << 16) >> 16,
    uint32: () => view.getUint32(0),
    int32: () => view.getInt32(0),
    float32: () => Number(view.getFloat32(0).toPrecision(7)),
  }[register.type]()
  return Number((raw * register.factor + register.offset).toPrecision(12))
}
