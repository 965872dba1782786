export type { Blob } from './blob.ts'
export { type BlobFinder, createBlobFinder } from './blob-finder.ts'
export { createFacadeMap, type FacadeCalibration, type FacadeMap, facadeCalibration } from './calibration.ts'
export {
  checkFallingModel,
  createClassifier,
  type FallingModel,
  fallingModel,
  loadFallingModel,
  type TrackClassifier,
} from './classifier.ts'
export { clearMask, drawThrow } from './composite.ts'
export {
  createFallingEngine,
  type FallingCounters,
  type FallingEngine,
  type FallingEngineOptions,
  type StageTimes,
} from './engine.ts'
export { analysisSize, facadePictures } from './facade-pictures.ts'
export { createFallJudge, type FallJudge, type JudgedFall } from './fall-judge.ts'
export { type FeatureName, featureNames } from './features.ts'
export type { Throw, ThrowOrigin, ThrowPoint } from './throw.ts'
export { createFallingWatch, type FallingWatch, type FallingWatchOptions, type WatchedCamera } from './watch.ts'
