import { type Static, Type } from 'typebox'
import { type CameraStatus as CoreCameraStatus, cameraProblems } from '../../core/ports.ts'
import { Instant, withInstants } from './instant.ts'
import { Id, LocalText } from './place.ts'

export const CameraStatus = Type.Object(
  {
    id: Id,
    state: Type.Enum(['starting', 'up', 'down']),
    since: Instant,
    reason: Type.Optional(Type.String({ description: 'why it is down, in words an operator can act on' })),
    problem: Type.Optional(Type.Enum([...cameraProblems], { description: 'the same for translation' })),
    framesPerSecond: Type.Number(),
    droppedFrames: Type.Number(),
    reconnects: Type.Number(),
    isUnwatched: Type.Optional(
      Type.Literal(true, { description: 'a facade camera whose pictures are not looked through at the moment' }),
    ),
    isResting: Type.Optional(
      Type.Literal(true, { description: 'nothing is to be seen; until something is, few pictures are decoded' }),
    ),
    width: Type.Optional(Type.Number()),
    height: Type.Optional(Type.Number()),
    codec: Type.Optional(Type.String()),
  },
  { title: 'CameraStatus' },
)
export type CameraStatus = Static<typeof CameraStatus>

/** A camera as `GET /cameras` lists it: its status, its names and the lift it watches. */
export const Camera = Type.Object(
  {
    ...CameraStatus.properties,
    name: LocalText,
    isFacade: Type.Optional(Type.Literal(true)),
    lift: Type.Optional(Type.String()),
  },
  { title: 'Camera' },
)
export type Camera = Static<typeof Camera>

export const CameraList = Type.Object({ items: Type.Array(Camera) }, { title: 'CameraList' })
export type CameraList = Static<typeof CameraList>

export function cameraStatusToWire(status: CoreCameraStatus): CameraStatus {
  return withInstants(status, 'since')
}
