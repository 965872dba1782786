import type { NotifierDriver } from './notifier.ts'
import { ntfy } from './ntfy.ts'

/** Every notifier driver there is; a new one is a line here. */
export const notifierDrivers: readonly NotifierDriver[] = [ntfy]
