import { type Static, Type } from 'typebox'
import { Severity } from './alarm.ts'
import { Id, LocalText } from './place.ts'

/** What there is on site and what people call it; fixed while the gateway runs. */
export const SiteView = Type.Object(
  {
    id: Id,
    name: LocalText,
    languages: Type.Array(Type.String(), { description: 'first is the default, e.g. zh-CN, en' }),
    buildings: Type.Array(Type.Object({ id: Id, name: LocalText })),
    lifts: Type.Array(
      Type.Object({
        id: Id,
        name: LocalText,
        building: Type.Optional(Type.String()),
        hasDoorHold: Type.Optional(Type.Boolean({ description: 'a door hold is commissioned for it' })),
      }),
    ),
    cameras: Type.Array(
      Type.Object({
        id: Id,
        name: LocalText,
        building: Type.Optional(Type.String()),
        lift: Type.Optional(Type.String()),
      }),
    ),
    speakers: Type.Array(Type.Object({ id: Id, name: LocalText, lift: Type.Optional(Type.String()) })),
    notifiers: Type.Optional(
      Type.Array(Type.Object({ id: Id, name: LocalText }), { description: 'channels to people' }),
    ),
    disposal: Type.Array(
      Type.Object({
        key: Type.String(),
        name: LocalText,
        severity: Type.Optional(Severity),
        unit: Type.Optional(LocalText),
        code: Type.Optional(Type.String()),
      }),
      { description: 'names of alarm kinds and case types' },
    ),
  },
  { title: 'Site' },
)
export type SiteView = Static<typeof SiteView>
