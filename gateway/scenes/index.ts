import type { SceneDefinition } from '../core/scene.ts'
import { ebikeInElevator } from './ebike-in-elevator.ts'

/** Every scene a site may name. */
// biome-ignore lint/suspicious/noExplicitAny: each scene has options of its own, checked against its schema at load
export const sceneDefinitions: readonly SceneDefinition<any>[] = [ebikeInElevator]
