import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, relative } from 'node:path'
import { DataError, type DataProblem } from './evaluator.ts'

const pictureEndings = new Set(['.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff', '.gif', '.avif'])
const videoEndings = new Set([
  '.mp4',
  '.avi',
  '.mkv',
  '.mov',
  '.m4v',
  '.webm',
  '.ts',
  '.mpg',
  '.mpeg',
  '.h264',
  '.h265',
])

/** What lies in a data folder, by ending; absolute or relative as the folder was given, sorted. */
export interface DataFolder {
  root: string
  pictures: string[]
  videos: string[]
  /** Everything else. */
  others: ReadonlySet<string>
}

/** Walks a folder, or takes a single file together with its neighbours. Folders that cannot be read are problems. */
export async function readDataFolder(data: string, problems: DataProblem[]): Promise<DataFolder> {
  const isFile = (await stat(data)).isFile()
  const root = isFile ? dirname(data) : data
  const files = await walk(root, problems, !isFile)
  const kind = (file: string) => extname(file).toLowerCase()
  const wanted = (file: string) => !isFile || relative(data, file) === ''
  const pictures = files.filter((file) => pictureEndings.has(kind(file)) && wanted(file))
  const videos = files.filter((file) => videoEndings.has(kind(file)) && wanted(file))
  if (isFile && pictures.length + videos.length === 0) throw new DataError(`${data} is neither a picture nor a video`)
  const known = new Set([...pictures, ...videos])
  return { root, pictures, videos, others: new Set(files.filter((file) => !known.has(file))) }
}

async function walk(folder: string, problems: DataProblem[], isDeep: boolean): Promise<string[]> {
  let entries: Dirent[]
  try {
    entries = await readdir(folder, { withFileTypes: true })
  } catch (error) {
    problems.push({ where: folder, what: `cannot be read (${(error as NodeJS.ErrnoException).code})` })
    return []
  }
  const files: string[] = []
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    // Of what begins with a dot nothing is data, not even `._picture.jpg`.
    if (entry.name.startsWith('.')) continue
    const path = join(folder, entry.name)
    const isFolder = entry.isDirectory() || (entry.isSymbolicLink() && (await leadsToFolder(path)))
    if (!isFolder) files.push(path)
    // A link to a folder may lead back up.
    else if (isDeep && entry.isDirectory()) files.push(...(await walk(path, problems, true)))
    else if (isDeep) problems.push({ where: path, what: 'is a link to a folder and was not followed' })
    else if (entry.name === 'labels') files.push(...(await walk(path, problems, false)))
  }
  return files
}

async function leadsToFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/**
 * Where the labels of a picture may lie, best first: beside it in `labels` where it lies in `images`, in its own folder,
 * in the data's `labels`.
 * @param folder name of the folder of labels
 */
export function labelPlaces(picture: string, root: string, folder = 'labels'): string[] {
  const name = `${basename(picture, extname(picture))}.txt`
  const parts = dirname(picture).split('/')
  const images = parts.lastIndexOf('images')
  const swapped = images < 0 ? [] : [[...parts.slice(0, images), folder, ...parts.slice(images + 1), name].join('/')]
  const own = folder === 'labels' ? [join(dirname(picture), name)] : []
  return [...new Set([...swapped, ...own, join(root, folder, name)])]
}

/** A test for file names: `*` stands for any letters; a pattern with a slash is about the end of the path. */
export function nameMatcher(pattern: string): (name: string) => boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  const expression = new RegExp(`^(?:.*/)?${source}$`)
  return (name) => expression.test(name)
}
