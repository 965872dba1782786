import type { Phrase } from './alarm.ts'
import { type Filling, fill } from './fill.ts'
import type { FieldProblem } from './registration.ts'

/**
 * Every no of the gateway's rules, with what is put into it. The console says them in its own languages by the same
 * keys; these words are for logs, for machines and for the console's English.
 */
export const refusals = {
  'no-alarm': 'there is no alarm {id}',
  'alarm-cannot-repeat': 'a cleared alarm cannot repeat; raise a new one',
  'alarm-acknowledged': 'already acknowledged by {by}',
  'alarm-cleared': 'already cleared',
  'alarm-not-reassessed': 'a cleared alarm is not reassessed',
  'alarm-has-case': 'already case {id}',
  'shelving-inactive': 'only an active alarm can be shelved',
  'shelving-without-reason': 'shelving needs a reason',
  'shelving-in-the-past': 'shelving must end in the future',
  'not-shelved': 'not shelved',
  'not-suppressed': 'not suppressed',
  'verdict-without-reason': 'a false alarm needs a reason',
  'nobody-asked': 'nobody was asked about this alarm',
  'alarm-resolved': 'this alarm has been resolved',
  'answered-before': '{by} has {answer} already',
  'no-voice': 'this alarm has no voice warning',
  'no-speaker': 'no speaker is routed to this place',
  'link-foreign': 'this link is not from here',
  'link-expired': 'this link has expired',

  'no-case': 'there is no case {id}',
  'case-step': 'a case cannot go from {from} to {to}',
  'case-role': 'only the {role} may move a case to {to}',
  'case-without-reason': '{to} needs a reason',
  'case-without-note': 'handled needs a note',
  'case-reported': 'already reported to {upstream}',
  'case-ended': 'the case is {state}',
  'case-numbered': 'already {number} at {upstream}',
  'case-only-issuer': 'only {upstream}, which issued the case, may do this',
  'case-of-property': 'the property issues this case: it was not reported to a platform',
  'case-key-used': 'idempotencyKey {idempotencyKey} already moved case {id}',
  'no-upstream': 'this site has no upstream; configure one under upstreams',
  'no-consent-to-city': 'it concerns a person who has not agreed that the city is told',

  'no-door-hold': 'lift {lift} has no door hold',
  'door-not-held': 'the door of {lift} is not being held',

  'user-name-taken': 'there already is a user {name}',
  'last-admin': 'the last admin cannot be disabled',

  'evidence-changed': 'the file {name} (evidence {id}) is not what was kept: its hash differs',
  'evidence-missing':
    '{name} is not there: it is made within half a minute of the throw; the journal says if it failed',
  'evidence-gone': '{name} is gone: its retention ended or the file was removed',
  'no-track': 'this alarm has no track of a thrown object',

  'no-facade': 'camera {camera} watches no facade',
  'facade-line': "the line of floor {floor} runs beside the building's edge: click it again",
  'facade-floors': 'two lines of different floors are needed',
  'facade-plane': 'the clicked lines do not span a plane: click edges and floors again',

  'model-in-use': '{folder} is in use already',
  'model-name': '"{folder}" is no name of a model folder',
  'model-labels': '{folder} does not know {labels}, which scenes look for',
  'model-unusable': 'the model cannot be used: {problem}',
  'no-model-before': 'there was no other model before this one',

  'too-few-examples': 'two confirmed and two false alarms are needed at least',
  'no-example': 'there is no example {id}',
  'example-of-alarm': 'it belongs to an alarm and is judged there',
  'no-better-version': 'no version is better yet',
  'no-version': 'there is no version {version}',
  'version-of-model': 'version {version} belongs to model {model}',
  'version-not-better': 'version {version} did not pass its held-back evaluation; see its report',
  'version-without-examples': 'version {version} is chosen, but examples it rests on were deleted: it does nothing',
  'learning-off': 'it is off already',
  'nothing-switched-on': 'nothing is switched on',

  'device-of-site-file': 'device {id} is in the site file; change it there',
  'device-name-taken': '{id} is the name of {holder}; choose another',
  'device-mqtt-user': 'there is an MQTT user {id} already that is no device of this site; choose another name',
  'device-exists': 'there is a device {id} already',
  'device-address-taken': 'address {address} is taken by device {holder}',
  'device-without-login': 'device {id} is heard through a bridge and has no login of its own',
  'self-test-running': 'a self-test is running; its report follows within minutes',
  'self-test-urgent': 'an urgent alarm waits for somebody: a test now would be in the way',
  'external-broker': 'the site uses an external broker; its users are made there',
} as const
export type RefusalKey = keyof typeof refusals

/** Why something is not possible: a domain outcome, not an exception. */
export interface Refusal {
  refused: string
  /** The same for translation; absent where only the words are known. */
  phrase?: Phrase
  /** One by one, where several things are wrong with what was asked for. */
  details?: readonly FieldProblem[]
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'refused' in value
}

/** A no in words, and as key and parameters. */
export function refuse(key: RefusalKey, parameters: Filling = {}): Refusal {
  return { refused: fill(refusals[key], parameters), phrase: { key, ...parameters } }
}
