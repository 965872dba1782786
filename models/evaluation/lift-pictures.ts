import { relative } from 'node:path'
import { readPicture } from '../../gateway/inference/image.ts'
import type { DataFolder } from './data-folder.ts'
import type { DataProblem } from './evaluator.ts'
import type { LiftModel } from './lift-model.ts'
import { type Sample, toSample } from './samples.ts'
import type { LabelReader } from './yolo-labels.ts'

/** A measured picture, and where to get it for the contact sheet. */
export interface PictureSample extends Sample {
  picture: string
}

/** Looks at every labelled picture. What cannot be read becomes a problem. */
export async function measurePictures(parts: {
  folder: DataFolder
  pictures: readonly string[]
  reader: LabelReader
  model: LiftModel
  problems: DataProblem[]
}): Promise<PictureSample[]> {
  const samples: PictureSample[] = []
  for (const file of parts.pictures) {
    const truth = await parts.reader.truthOf(file)
    if (!truth) continue
    try {
      samples.push({ ...toSample(truth, await parts.model.look(await readPicture(file))), picture: file })
    } catch (error) {
      const reason = (error as Error).message.split('\n')[0]!
      parts.problems.push({ where: relative(parts.folder.root, file), what: `no readable picture (${reason})` })
    }
  }
  return samples
}

/** `count` of a list, evenly spread. */
export function spread<T>(list: readonly T[], count: number): T[] {
  if (list.length <= count) return [...list]
  return Array.from({ length: count }, (_, i) => list[Math.floor((i * list.length) / count)]!)
}
