import type { ResolveContext } from './resolve.ts'
import type { WrittenSite } from './schema.ts'
import type { IntegrationEntries } from './site.ts'

/** Integrations with their secrets read and durations in ms; reports devices and codecs that are not there. */
export function resolveIntegrations(
  { integrations, devices }: WrittenSite,
  codecs: readonly string[],
  { report, secret }: Pick<ResolveContext, 'report' | 'secret'>,
): IntegrationEntries {
  const known = new Set(devices.map(({ id }) => id))
  const checkDevice = (device: string, path: Array<string | number>) => {
    if (!known.has(device)) report(path, `there is no device "${device}"`)
  }
  for (const list of ['bridges', 'push'] as const)
    for (const [index, { codec }] of integrations[list].entries())
      if (!codecs.includes(codec))
        report(['integrations', list, index, 'codec'], `there is no "${codec}"; known are ${codecs.join(', ')}`)
  for (const [index, { registers }] of integrations.modbus.entries())
    for (const [at, { device }] of registers.entries())
      checkDevice(device, ['integrations', 'modbus', index, 'registers', at, 'device'])
  for (const [index, device] of integrations.homeAssistant.devices.entries())
    checkDevice(device, ['integrations', 'homeAssistant', 'devices', index])
  return {
    bridges: integrations.bridges,
    push: integrations.push.map(({ token, ...push }, index) => ({
      ...push,
      token: secret(token, ['integrations', 'push', index, 'token']) ?? '',
    })),
    modbus: integrations.modbus.map(({ pollSeconds, timeoutSeconds, ...modbus }) => ({
      ...modbus,
      pollMs: pollSeconds * 1000,
      timeoutMs: timeoutSeconds * 1000,
      registers: modbus.registers as IntegrationEntries['modbus'][number]['registers'],
    })),
    homeAssistant: integrations.homeAssistant,
  }
}
