import type { AddressInfo } from 'node:net'
import modbus from 'modbus-serial'
import pino from 'pino'
import t from 'tap'
import { until } from '../testing/until.ts'
import { createModbusPoller, type ModbusRegister } from './modbus.ts'

const register = (written: Partial<ModbusRegister>): ModbusRegister => ({
  device: 'meter',
  metric: 'powerWatts',
  table: 'holding',
  address: 0,
  type: 'uint16',
  swapWords: false,
  factor: 1,
  offset: 0,
  ...written,
})

/** A meter: 0 power, 1–2 energy (32 bits), 3–4 the same with words swapped, 5–6 a float, 7 a negative temperature. */
const holding = [1850, 0x0001, 0x86a0, 0x86a0, 0x0001, 0x41ac, 0x0000, 0xffec]

async function startMeter(port = 0) {
  const server = new modbus.ServerTCP(
    {
      getHoldingRegister: (address: number) => {
        if (address >= holding.length) throw { modbusErrorCode: 2, msg: 'illegal address' }
        return holding[address]!
      },
      getInputRegister: () => 7,
      getCoil: (address: number) => address === 3,
      getDiscreteInput: () => true,
    },
    { host: '127.0.0.1', port, unitID: 1 },
  )
  await new Promise((resolve) => server.once('initialized', resolve))
  const inner = (server as unknown as { _server: { address(): AddressInfo } })._server
  return { port: inner.address().port, stop: () => new Promise<void>((resolve) => server.close(() => resolve())) }
}

t.test('a meter is read by its map, goes on when a register is refused, and comes back after an outage', async (t) => {
  let meter = await startMeter()
  const rounds: Array<Record<string, Record<string, unknown>>> = []
  const refusals: string[] = []
  const stop = new AbortController()
  const poller = createModbusPoller({
    id: 'room',
    host: '127.0.0.1',
    port: meter.port,
    unit: 1,
    pollMs: 20,
    timeoutMs: 2000,
    registers: [
      register({}),
      register({ metric: 'energyKilowattHours', address: 1, type: 'uint32', factor: 0.01 }),
      register({ metric: 'volumeCubicMeters', address: 3, type: 'int32', swapWords: true, factor: 0.001 }),
      register({ metric: 'currentAmperes', address: 5, type: 'float32' }),
      register({ device: 'shed', metric: 'temperatureCelsius', address: 7, type: 'int16', factor: 0.1 }),
      register({ device: 'shed', metric: 'isSmoke', table: 'coil', address: 3, type: 'boolean' }),
      register({ device: 'shed', metric: 'isTampered', table: 'discrete', address: 0, type: 'boolean' }),
      register({ device: 'pump', metric: 'pressureKilopascals', table: 'input', address: 9 }),
      register({ device: 'ghost', metric: 'powerWatts', address: 50 }),
    ],
    onReadings: async (readings) =>
      void rounds.push(
        Object.fromEntries(
          [...readings].map(([device, list]) => [
            device,
            Object.fromEntries(list.map(({ metric, value }) => [metric, value])),
          ]),
        ),
      ),
    onRefusal: (device, { reason }) => refusals.push(`${device} ${reason}`),
    random: () => 0,
    logger: pino({ level: 'silent' }),
  })
  const running = poller.run(stop.signal)
  t.teardown(async () => {
    stop.abort()
    await running
    await meter.stop()
  })
  await until('it was read', () => rounds.length > 0)
  t.same(rounds[0], {
    shed: { isSmoke: true, isTampered: true, temperatureCelsius: -2 },
    meter: { powerWatts: 1850, energyKilowattHours: 1000, volumeCubicMeters: 100, currentAmperes: 21.5 },
    pump: { pressureKilopascals: 7 },
  })
  t.match(refusals[0], /^ghost powerWatts: the device refuses 1 from holding 50 .*check table and address/)

  const { port } = meter
  await meter.stop()
  meter = await startMeter(port)
  const before = rounds.length
  await until('it is read again', () => rounds.length > before + 1, 20_000)
})
