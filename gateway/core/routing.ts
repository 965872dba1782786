import type { Place } from './place.ts'

/** Which speakers say a warning, and in which languages, one after the other. */
export interface VoiceRoute {
  speakers: string[]
  languages: string[]
}

export interface VoiceRouteRow {
  /** Alarm kinds; `*` is any. */
  kinds: readonly string[]
  /** Instead of the speakers nearest to the place. */
  speakers?: readonly string[]
  languages: readonly string[]
  voice: boolean
}

/** The first row that names the kind decides; without one, the nearest speakers speak the site's language. */
export function routeVoice(
  rows: readonly VoiceRouteRow[],
  speakers: ReadonlyArray<{ id: string; place: Place }>,
  language: string,
  kind: string,
  place: Place,
): VoiceRoute {
  const row = rows.find(({ kinds }) => kinds.includes(kind) || kinds.includes('*'))
  if (row && !row.voice) return { speakers: [], languages: [] }
  return {
    speakers: row?.speakers ? [...row.speakers] : nearest(speakers, place),
    languages: row ? [...row.languages] : [language],
  }
}

/** Speakers in the same lift, else in the same unit outside a lift; a voice in the wrong lift is worse than none. */
function nearest(speakers: ReadonlyArray<{ id: string; place: Place }>, place: Place): string[] {
  const found = place.lift
    ? speakers.filter((speaker) => speaker.place.lift === place.lift)
    : speakers.filter(
        (speaker) =>
          !speaker.place.lift && speaker.place.building === place.building && speaker.place.unit === place.unit,
      )
  return found.map(({ id }) => id)
}
