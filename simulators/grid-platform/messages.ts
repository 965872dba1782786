import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'

/* The bodies of docs/reference/grid-rest.yaml that the platform takes. */

const states = [
  'reported',
  'filed',
  'rejected',
  'dispatched',
  'accepted',
  'returned',
  'handling',
  'handled',
  'rework',
  'verified',
  'closed',
] as const
export type State = (typeof states)[number]
export const stateNamesZh: Record<State, string> = {
  reported: '发现',
  filed: '立案',
  rejected: '不予立案',
  dispatched: '派遣',
  accepted: '接单',
  returned: '退单',
  handling: '处置中',
  handled: '处置完成',
  rework: '返工',
  verified: '核查',
  closed: '结案',
}

const State = Type.Union(states.map((state) => Type.Literal(state)))
const Text = (maxLength: number) => Type.String({ maxLength })
const Instant = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$' })
const Site = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' })
const GridCell = Type.String({ pattern: '^[0-9]{15}$' })
const Sequenced = {
  site: Site,
  stream: Type.String({ pattern: '^[A-Za-z0-9-]{8,64}$' }),
  seq: Type.Integer({ minimum: 1 }),
}
const CaseId = Type.String({ minLength: 1, maxLength: 64 })
const Transition = Type.Object({
  id: Text(64),
  to: State,
  role: Type.Union([Type.Literal('issuer'), Type.Literal('unit'), Type.Literal('reporter')]),
  at: Instant,
  actor: Type.Object({
    type: Type.Union([Type.Literal('system'), Type.Literal('user'), Type.Literal('bridge')]),
    id: Text(200),
    organisation: Type.Optional(Text(200)),
  }),
  unit: Type.Optional(Text(200)),
  note: Type.Optional(Text(4000)),
  reason: Type.Optional(Text(4000)),
  respondBy: Type.Optional(Instant),
  resolveBy: Type.Optional(Instant),
  attachments: Type.Optional(Type.Array(Text(64), { maxItems: 50 })),
})
export type Transition = Static<typeof Transition>

export const CaseReport = Type.Object({
  ...Sequenced,
  case: Type.Object({
    id: CaseId,
    number: Text(64),
    type: Text(100),
    title: Text(500),
    severity: Type.Union(
      ['informational', 'low', 'medium', 'high', 'critical'].map((severity) => Type.Literal(severity)),
    ),
    level: Type.Union(['P', 'X', 'S', 'D'].map((level) => Type.Literal(level))),
    openedAt: Instant,
    respondBy: Type.Optional(Instant),
    resolveBy: Type.Optional(Instant),
    place: Type.Object({
      site: Site,
      building: Type.Optional(Text(100)),
      unit: Type.Optional(Text(100)),
      floor: Type.Optional(Text(100)),
      lift: Type.Optional(Text(100)),
      gridCell: Type.Optional(GridCell),
    }),
    alarmIds: Type.Array(Text(64)),
  }),
  matter: Type.Object({
    SXDM: Type.Optional(Type.String({ pattern: '^[0-9]{11}$' })),
    SXMC: Type.String({ minLength: 1, maxLength: 200 }),
    ZGBMDM: Type.Optional(Text(64)),
    ZGBMMC: Type.Optional(Text(200)),
    SFWZ: Type.String({ minLength: 1, maxLength: 500 }),
    SZDYWGBSM: Type.Optional(GridCell),
  }),
  transition: Transition,
})
export type CaseReport = Static<typeof CaseReport>

export const TransitionReport = Type.Object({ ...Sequenced, caseId: CaseId, transition: Transition })
export type TransitionReport = Static<typeof TransitionReport>

export const EvidenceMeta = Type.Object({
  ...Sequenced,
  caseId: CaseId,
  evidenceId: Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' }),
  type: Type.Optional(Type.Union(['snapshot', 'clip', 'photo'].map((type) => Type.Literal(type)))),
  contentType: Text(100),
  bytes: Type.Integer({ minimum: 0 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  camera: Type.Optional(Text(100)),
  fromAt: Type.Optional(Instant),
  toAt: Type.Optional(Instant),
  isMasked: Type.Boolean(),
})
export type EvidenceMeta = Static<typeof EvidenceMeta>

/** Everything wrong with a body, or undefined. */
export function problemsOf(schema: TSchema, value: unknown): Array<{ path: string; message: string }> | undefined {
  if (Value.Check(schema, value)) return undefined
  return [...Value.Errors(schema, value)]
    .slice(0, 20)
    .map(({ instancePath, message }) => ({ path: instancePath, message }))
}
