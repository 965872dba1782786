import { detr } from './detr.ts'
import type { HeadDefinition } from './head.ts'
import { nanodet } from './nanodet.ts'
import { picodet } from './picodet.ts'
import { yolox } from './yolox.ts'

/** Every head there is. A new family is one file, one schema in options.ts and one line here. */
export const heads: readonly HeadDefinition[] = [nanodet, yolox, picodet, detr]
