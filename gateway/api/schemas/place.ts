import { type Static, Type } from 'typebox'

/** Ids of everything: what the site file or the gateway gave, never longer than a URL segment should be. */
export const Id = Type.String({ minLength: 1, maxLength: 128 })

/** A name people read, in both languages of the product. */
export const LocalText = Type.Object({ zh: Type.String(), en: Type.String() })
export type LocalText = Static<typeof LocalText>

/** Where something is; the most precise field that is set is where people are sent. Names are in `GET /site`. */
export const Place = Type.Object({
  site: Type.String(),
  building: Type.Optional(Type.String()),
  unit: Type.Optional(Type.String()),
  floor: Type.Optional(Type.String()),
  lift: Type.Optional(Type.String()),
  flat: Type.Optional(Type.String()),
  gridCell: Type.Optional(Type.String({ description: '15-digit grid cell of the city' })),
})
export type Place = Static<typeof Place>
