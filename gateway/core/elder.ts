import type { Place } from './place.ts'

/** A person who is looked after, as scenes and escalation need to know them. */
export interface Elder {
  id: string
  name: string
  place: Place
  /** Bands, buttons, bed, doors, meters … of this person's home. */
  devices: readonly string[]
  bandPosition: 'wrist' | 'waist'
  /** NEWS2: scale 2 for people whose target is 88–92 % (decided by a clinician). */
  oxygenScale: 1 | 2
  /** Persons who look after them, first told first; they alone among caregivers see them. */
  contacts?: readonly string[]
  /** Names the chain of people who are told; the site's default chain where absent. */
  chain?: string
  /** What the person (or guardian) has agreed to; without it, it does not happen. */
  consents: {
    /** Cases about this person may go to the city's platform. */
    city: boolean
    /** Vital signs and activity are kept and shown to their caregivers. */
    health: boolean
    recordedAt?: number
    recordedBy?: string
  }
}
