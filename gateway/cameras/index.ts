export { createCamera, type RunningCamera } from './camera.ts'
export { type CameraSet, createCameraSet } from './camera-set.ts'
export type { CameraContext, CameraLogger, CameraOptions } from './options.ts'
export { encodeCrop, encodeSnapshot } from './snapshot.ts'
