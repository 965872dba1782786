import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { calibrationOf, createBuilding } from './building.ts'
import { createScene, type ScenePlan } from './scene.ts'

/**
 * Renders a scene to an H.264 file, `<name>.mp4`, and what it shows to `<name>.json` beside it: an entry as in a
 * `tracks.json`, with the building's calibration, the throws and the distractors.
 * @param kbitPerSecond of the stream at 1920 × 1080; smaller pictures get their share
 * @throws Error when ffmpeg fails
 */
export async function renderScene(plan: ScenePlan, file: string, kbitPerSecond = 4000): Promise<void> {
  const scene = createScene(plan)
  const { width, height } = scene
  const rate = Math.max(500, Math.round((kbitPerSecond * (width * height) ** 0.75) / (1920 * 1080) ** 0.75))
  const child = spawn(
    'ffmpeg',
    [
      ...['-y', '-loglevel', 'error', '-f', 'rawvideo', '-pix_fmt', 'gray', '-s', `${width}x${height}`],
      ...['-r', String(plan.framesPerSecond), '-i', 'pipe:0', '-pix_fmt', 'yuv420p', '-threads', '1'],
      ...['-c:v', 'libx264', '-preset', 'superfast', '-b:v', `${rate}k`, '-maxrate', `${rate * 1.5}k`],
      ...['-bufsize', `${rate * 2}k`, '-g', String(plan.framesPerSecond * 2), '-bf', '0', file],
    ],
    { stdio: ['pipe', 'ignore', 'inherit'] },
  )
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  child.stdin.on('error', () => {})
  for (let i = 0; i < scene.frames && child.exitCode === null; i++) {
    const picture = new Uint8ClampedArray(width * height)
    scene.next(picture)
    if (!child.stdin.write(picture)) await Promise.race([once(child.stdin, 'drain'), ended])
  }
  child.stdin.end()
  const code = await ended
  if (code !== 0) throw new Error(`${file}: ffmpeg ended with code ${code}`)
  const { tracks, throws } = scene.truth()
  const building = createBuilding(plan.building, plan.width)
  const truth = {
    ...{ frames: scene.frames, fps: plan.framesPerSecond, size: [width, height], tracks },
    throws,
    building: building.name,
    calibration: calibrationOf(building),
    daylight: plan.daylight,
    distractors: [...plan.distractors, ...plan.disturbances],
  }
  await writeFile(file.replace(/\.mp4$/, '.json'), JSON.stringify({ [nameOf(file)]: truth }))
}

const nameOf = (file: string) => file.slice(dirname(file).length + 1).replace(/\.mp4$/, '')

/** Reads the truth that lies beside a rendered clip. */
export async function readTruth(file: string): Promise<unknown> {
  const all = JSON.parse(await readFile(join(dirname(file), `${nameOf(file)}.json`), 'utf8')) as Record<string, unknown>
  return all[nameOf(file)]
}
