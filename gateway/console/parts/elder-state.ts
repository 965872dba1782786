import type { ElderGlance } from '../../api/schemas/index.ts'

/** How somebody is, most urgent first. */
export const elderStates = ['help', 'fallen', 'wrong', 'handled', 'noData', 'quiet'] as const
export type ElderState = (typeof elderStates)[number]

type OpenAlarm = ElderGlance['openAlarms'][number]

/** Whether somebody has said that it is settled, or, where nobody was asked, has acknowledged it. */
export function isHandled({ response, state }: Pick<OpenAlarm, 'response' | 'state'>): boolean {
  return response ? response.state === 'resolved' : state !== 'active-unacknowledged'
}

const byKind: Record<string, ElderState> = { elder_sos: 'help', elder_fall: 'fallen', elder_no_data: 'noData' }

/** How somebody is, in one word; `handled`: settled by a person, though the sensors still say so. */
export function elderState({ openAlarms, devicesUp, lastSeenAt }: ElderGlance): ElderState {
  const states = openAlarms.map((alarm): ElderState => (isHandled(alarm) ? 'handled' : (byKind[alarm.kind] ?? 'wrong')))
  if (devicesUp === 0 || lastSeenAt === undefined) states.push('noData')
  return elderStates.find((state) => states.includes(state)) ?? 'quiet'
}

const severities = ['critical', 'high', 'medium', 'low', 'informational']
const responses = ['calling', 'answered', 'arrived', 'resolved']

/** What needs somebody first on top: unanswered before answered, then the more severe, then the newer. */
export function byUrgency(a: OpenAlarm, b: OpenAlarm): number {
  const rank = (alarm: OpenAlarm) =>
    isHandled(alarm) ? 9 : alarm.response ? responses.indexOf(alarm.response.state) : 0
  const bySeverity = severities.indexOf(a.severity) - severities.indexOf(b.severity)
  return rank(a) - rank(b) || bySeverity || b.raisedAt.localeCompare(a.raisedAt)
}
