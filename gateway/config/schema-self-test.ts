import { Type } from 'typebox'
import { weekdays } from '../core/person.ts'
import { strict } from './schema-entries.ts'

/** The weekly drill from the buttons to the people who are told. */
export const SelfTestEntry = Type.Object(
  {
    isEnabled: Type.Boolean({ default: true }),
    day: Type.Union(
      weekdays.map((day) => Type.Literal(day)),
      { default: 'wed', description: 'mon, tue, wed, thu, fri, sat, sun.' },
    ),
    at: Type.String({
      pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
      default: '10:00',
      description: 'Local time: one at which a test is heard and nobody is woken.',
    }),
    speakers: Type.Optional(
      Type.Array(Type.String(), { description: 'Speaker ids that say the test; all where absent.' }),
    ),
    people: Type.Optional(
      Type.Array(Type.String(), { description: 'Person ids that are sent the test; all with channels where absent.' }),
    ),
  },
  {
    ...strict,
    default: {},
    description: 'The chain from button to speaker and caregiver is tried every week; what fails is an alarm.',
  },
)
