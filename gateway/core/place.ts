/** Where something is. The most precise field that is set is the place people are sent to. */
export interface Place {
  site: string
  building?: string
  unit?: string
  floor?: string
  lift?: string
  /** Home number as people say it: "301". */
  flat?: string
  /** 15-digit code of the city's grid cell (社会治理网格), where the city has given one. */
  gridCell?: string
}

/** A stable key of a place, for "one open alarm per kind, place and source". */
export function placeKey(place: Place): string {
  const key = [place.site, place.building, place.unit, place.floor, place.lift].map((part) => part ?? '').join('/')
  return place.flat === undefined ? key : `${key}/${place.flat}`
}
