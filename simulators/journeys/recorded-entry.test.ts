import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { eBikeIsTalkedOut } from './main-job.ts'

const recording = fileURLToPath(new URL('../../../shared/data/cameras/lift/entry-clip.mp4', import.meta.url))
/** The front wheel passes the door at about frame 230 of 336, 24 a second. */
const entersAfterMs = (230 / 24) * 1000

t.test(
  'a recorded entry into a real lift: nothing until the e-bike comes in, then the whole main job',
  { skip: !existsSync(recording) && 'the recording is not part of this repository' },
  async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'gridgate-entry-'))
    t.teardown(() => rmSync(dir, { recursive: true }))
    const file = join(dir, 'entry.mp4')
    const encoding = '-an -c:v libx264 -preset veryfast -crf 18 -g 12 -bf 0 -pix_fmt yuv420p'
    execFileSync('ffmpeg', ['-v', 'error', '-i', recording, ...encoding.split(' '), file])
    // A camera does not change the size of its picture: before the entry it shows the recording's first seconds.
    const idleClip = join(dir, 'idle.mp4')
    execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-t', '2', '-c', 'copy', idleClip])
    await eBikeIsTalkedOut(t, { idleClip }, { clip: file, entersAfterMs })
  },
)
