import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { endWithUs } from '../process.ts'
import { treeCpuSeconds } from './process-cpu.ts'

const execute = promisify(execFile)

/** What many do: a mixture of Gaussians, an opening, contours. One thread; frames and CPU seconds on standard output. */
const script = `
import cv2, sys, time
cv2.setNumThreads(1)
video = cv2.VideoCapture(sys.argv[1])
half = sys.argv[2] == 'half'
model = cv2.createBackgroundSubtractorMOG2(detectShadows=False)
kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
frames = 0
begun = time.process_time()
spent = 0.0
while True:
    ok, picture = video.read()
    if not ok or frames >= 200: break
    frames += 1
    at = time.process_time()
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    if half: grey = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    mask = cv2.morphologyEx(model.apply(grey), cv2.MORPH_OPEN, kernel)
    cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    spent += time.process_time() - at
print(frames, spent)
`

/** CPU per picture of OpenCV's MOG2 and contours without decoding, ms; undefined where python3-opencv is missing. */
export async function openCvCpuMs(clip: string): Promise<{ full: number; half: number } | undefined> {
  const measure = async (size: 'full' | 'half') => {
    const { stdout } = await execute('/usr/bin/python3', ['-c', script, clip, size])
    const [frames = 0, seconds = 0] = stdout.trim().split(' ').map(Number)
    return (seconds * 1000) / frames
  }
  const hasOpenCv = await execute('/usr/bin/python3', ['-c', 'import cv2']).then(
    () => true,
    () => false,
  )
  return hasOpenCv ? { full: await measure('full'), half: await measure('half') } : undefined
}

/** CPU of Debian's motion on one 1080p25 camera, cores, writing nothing; undefined where it is not installed. */
export async function measureMotion(port: number, seconds: number): Promise<number | undefined> {
  const dir = mkdtempSync(join(tmpdir(), 'gridgate-motion-'))
  const file = join(dir, 'motion.conf')
  const lines = [
    ...['daemon off', 'log_level 3', `target_dir ${dir}`, 'width 1920', 'height 1080', 'framerate 25'],
    ...['picture_output off', 'movie_output off', 'stream_port 0', 'webcontrol_port 0'],
    `netcam_url rtsp://127.0.0.1:${port}/facade-0`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const child = endWithUs(spawn('motion', ['-n', '-c', file], { stdio: 'ignore' }))
  const isThere = await new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(false))
    child.once('spawn', () => resolve(true))
  })
  try {
    if (!isThere) return undefined
    await new Promise((resolve) => setTimeout(resolve, 6000))
    const before = treeCpuSeconds(child.pid!)
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    return (treeCpuSeconds(child.pid!) - before) / seconds
  } finally {
    child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
}
