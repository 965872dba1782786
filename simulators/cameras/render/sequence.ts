import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type SequenceKind, Studio } from './studio.ts'

export type SequenceOptions = {
  kind: SequenceKind
  /** Path of the .mp4; the tracks go beside it as .json. */
  out: string
  seed: number
  width: number
  height: number
  framesPerSecond: number
}

/** Bits per second of a lift camera's sub stream. */
const bitRate = 150_000

/** Renders an entry sequence as a camera's sub stream would carry it (H.264, no B-frames), with its ground truth. */
export async function renderSequence(options: SequenceOptions): Promise<void> {
  const { kind, out, seed, width, height, framesPerSecond } = options
  const encoder = spawn(
    'ffmpeg',
    [
      ...[
        '-loglevel',
        'error',
        '-y',
        '-f',
        'image2pipe',
        '-c:v',
        'mjpeg',
        '-framerate',
        String(framesPerSecond),
        '-i',
        'pipe:0',
      ],
      ...['-vf', 'format=yuv420p', '-c:v', 'libx264', '-profile:v', 'main', '-preset', 'slow', '-bf', '0'],
      ...[
        '-g',
        '15',
        '-keyint_min',
        '15',
        '-sc_threshold',
        '0',
        '-b:v',
        String(bitRate),
        '-maxrate',
        String(2 * bitRate),
      ],
      ...['-bufsize', String(2 * bitRate), '-movflags', '+faststart', out],
    ],
    { stdio: ['pipe', 'inherit', 'inherit'] },
  )
  const ended = once(encoder, 'exit')
  const studio = await Studio.open()
  const frames: unknown[] = []
  try {
    for await (const shot of studio.sequence(seed, kind, width, height, framesPerSecond)) {
      if (!encoder.stdin.write(shot.jpeg)) await once(encoder.stdin, 'drain')
      frames.push({
        frame: frames.length,
        objects: shot.boxes.map((box) => ({
          track: box.id,
          label: box.label,
          box: [box.x, box.y, box.width, box.height],
          inside: box.inside,
        })),
      })
    }
  } finally {
    await studio.close()
    encoder.stdin.end()
  }
  const [code] = (await ended) as [number | null]
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}`)
  const head = { kind, seed, width, height, framesPerSecond, box: 'x y width height in pixels of the visible parts' }
  const rows = frames.map((frame) => `    ${JSON.stringify(frame)}`).join(',\n')
  await writeFile(
    out.replace(/\.mp4$/, '.json'),
    `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "frames": [\n${rows}\n  ]\n}\n`,
  )
}
