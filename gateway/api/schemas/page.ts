import { type Static, type TSchema, Type } from 'typebox'
import { Alarm } from './alarm.ts'
import { Case } from './case.ts'

const pageOf = <T extends TSchema>(item: T, title: string) =>
  Type.Object(
    {
      items: Type.Array(item),
      nextBefore: Type.Optional(Type.String({ description: 'give it back as `before`; absent on the last page' })),
    },
    { title },
  )

export const AlarmPage = pageOf(Alarm, 'AlarmPage')
export type AlarmPage = Static<typeof AlarmPage>

export const CasePage = pageOf(Case, 'CasePage')
export type CasePage = Static<typeof CasePage>
