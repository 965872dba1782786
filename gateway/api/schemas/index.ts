/**
 * Everything on the wire between the gateway and its clients: TypeBox schemas, their static types, and pure functions
 * from core types to them. Console and cloud-bridge build on this and on nothing else of the API.
 */
export * from './actor.ts'
export * from './alarm.ts'
export * from './announcement.ts'
export * from './camera.ts'
export * from './case.ts'
export * from './device.ts'
export * from './door.ts'
export * from './error.ts'
export * from './evidence.ts'
export * from './health.ts'
export * from './instant.ts'
export * from './journal.ts'
export * from './learning.ts'
export * from './live.ts'
export * from './model.ts'
export * from './page.ts'
export * from './place.ts'
export * from './response.ts'
export * from './session.ts'
export * from './site.ts'
