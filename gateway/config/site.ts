import type { Severity } from '../core/alarm.ts'
import type { DisposalRow } from '../core/disposal.ts'
import type { Elder } from '../core/elder.ts'
import type { Chain, Person, Rota, Weekday } from '../core/person.ts'
import type { Place } from '../core/place.ts'
import type { ModbusPoint, WrittenModbus } from '../core/registration.ts'
import type { Zone } from '../core/zone.ts'
import type { LocalName } from './schema-entries.ts'

/** The site file after defaults, secrets and references: what the composition root builds from. */
export interface SiteConfig {
  file: string
  site: { id: string; name: LocalName; gridCell?: string; region?: string; language: 'zh-CN' | 'en'; timeZone: string }
  dataDir: string
  http: {
    host: string
    port: number
    tls?: { key: string; cert: string }
    trustProxy: string[]
    metricsToken?: string
    /** Where people outside reach the answer pages; links are sent only where it is set. */
    publicUrl?: string
  }
  mqtt: {
    external?: { url: string; username?: string; password?: string }
    host: string
    port: number
    tls?: { host: string; port: number; key: string; cert: string; ca?: string; requireCertificate: boolean }
    topics: string[]
  }
  buildings: Array<{
    id: string
    name: LocalName
    gridCell?: string
    units: Array<{ id: string; name: LocalName; floors: string[] }>
  }>
  lifts: Array<{ id: string; name: LocalName; building: string; unit?: string }>
  cameras: CameraEntry[]
  devices: DeviceEntry[]
  integrations: IntegrationEntries
  speakers: Array<{ id: string; name: LocalName; place: Place; driver: string; options: unknown }>
  notifiers: Array<{ id: string; name: LocalName; driver: string; options: unknown }>
  people: Person[]
  rotas: Rota[]
  /** Those of the file, and `elder`, which is always there. */
  chains: Chain[]
  escalation: {
    /** Chain of elders that name none. */
    elders: string
    /** For alarms that concern no elder; the first row that fits decides. */
    alarms: Array<{ kinds: string[]; severities?: Severity[]; chain: string }>
  }
  elders: Elder[]
  scenes: SceneConfig[]
  doors: Array<{ lift: string; driver: string; options: unknown }>
  routing: Array<{ kinds: string[]; speakers?: string[]; languages: Array<'zh-CN' | 'en'>; voice: boolean }>
  models: {
    dir: string
    lift: string
    fallWaist: string
    fallWrist: string
    workers: number
    /** Absolute path of a PEM file. */
    publicKey?: string
    shadow?: { model: string; share: number }
    rollBack: { factor: number; minimumAlarms: number; baselineMs: number; watchMs: number }
  }
  learning: {
    mode: 'off' | 'watch' | 'auto'
    label: string
    keepScore: number
    minimumConfirmed: number
    minimumFalse: number
    keepMs: number
  }
  voiceDir?: string
  disposal: DisposalRow[]
  upstreams: UpstreamEntry[]
  bridge: { host: string; port: number; evidence: 'none' | 'snapshot' | 'all'; gatewayUrl?: string }
  telemetry: {
    influx?: {
      url: string
      org: string
      bucket: string
      token?: string
      queryLanguage: 'flux' | 'influxql'
      maxBufferedPoints: number
    }
  }
  retention: { evidenceMs: number; telemetryMs: number; telemetryMinuteMs: number; telemetryHourMs: number }
  /** The weekly drill; `speakers` and `people` absent: all. */
  selfTest: { isEnabled: boolean; day: Weekday; at: string; speakers?: string[]; people?: string[] }
  log: { level: 'debug' | 'info' | 'warn' | 'error' }
}

export interface CameraEntry {
  id: string
  name: LocalName
  place: Place
  url: string
  subUrl?: string
  username?: string
  password?: string
  analysisFps: number
  analysisWidth: number
  decoding: 'full' | 'on-demand'
  evidenceMs: number
  stallMs: number
  pace: 'real' | 'fast'
  loop: boolean
  ignoreZones: Zone[]
}

export interface IntegrationEntries {
  bridges: Array<{ id: string; codec: string; topics: string[] }>
  push: Array<{ id: string; codec: string; token: string }>
  modbus: Array<{
    id: string
    host: string
    port: number
    unit: number
    pollMs: number
    timeoutMs: number
    registers: Array<ModbusPoint & { device: string }>
  }>
  homeAssistant: { publish: boolean; prefix: string; devices: string[] }
}

export interface DeviceEntry {
  id: string
  name: LocalName
  kind: string
  place: Place
  codec: string
  options: unknown
  topic?: string
  address?: string
  groups: string[]
  heartbeatMs: number
  /** Of registered devices; those of the site file are named by the elder's entry. */
  elder?: string
  /** The same; those of the site file are named by `integrations.modbus`. */
  modbus?: WrittenModbus
}

/** Of the entries that fit, the last decides; one that names nothing fits everything. */
export interface SceneConfig {
  scene: string
  isEnabled?: boolean
  lifts: string[]
  cameras?: string[]
  devices?: string[]
  places?: Array<{ building: string; unit?: string }>
  elders?: string[]
  /** With the defaults of the scene's schema filled in. */
  options: unknown
}

export interface UpstreamEntry {
  name: string
  kind: string
  url: string
  keyId: string
  secret: string
  regionCode?: string
  departmentCode?: string
  pollMs: number
  webhook?: { host: string; port: number; path: string }
}
