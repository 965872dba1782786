import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clipFile, liftIds, startCompound } from '../compound.ts'
import { logIn } from '../console-client.ts'
import { compoundPorts } from '../ports.ts'
import { type BenchResult, quantile, rounded, textTable } from './report.ts'
import { keepStalled } from './stalled-subscriber.ts'

export const name = 'alarm'

const messagesPerSecond = 500
/** Between two entries into one lift: the scene must have seen the last one leave. */
const cycleMs = 7_000

/**
 * Reaction times of the whole compound: decision → first RTP packet at the speaker, decision → the console's WebSocket,
 * first e-bike picture sent by the camera → first RTP packet. Meanwhile 500 telemetry messages per second arrive and one
 * subscriber of everything has stopped reading.
 */
export async function run({ quick }: { quick: boolean }): Promise<BenchResult> {
  const lifts = quick ? 2 : 6
  const seconds = quick ? 24 : 150
  const devices = 200
  const dir = mkdtempSync(join(tmpdir(), 'gridgate-alarm-'))
  const ports = await compoundPorts()
  const entry = join(dir, 'entry.mp4')
  // Four seconds of the shipped entry in which the e-bike stands in the cab.
  execFileSync('ffmpeg', [
    '-v',
    'error',
    '-ss',
    String(standsAtSeconds()),
    '-t',
    '4',
    '-i',
    clipFile('e-bike'),
    ...encoding,
    entry,
  ])
  const compound = await startCompound({
    dir,
    lifts,
    devices,
    ports,
    reportEveryMs: (devices * 1000) / messagesPerSecond,
    site: {
      scenes: [
        { scene: 'ebike-in-elevator', lifts: 'all', options: { goneAfterMs: 1000, quietMs: 0, maxWarnings: 1 } },
      ],
      routing: [{ kinds: ['*'], languages: ['zh-CN'] }],
    },
    platformBehaviour: { delaysMs: { file: 0, dispatch: 0, accept: 0, handle: 0, verify: 0, close: 0 } },
  })
  const stalled = await keepStalled(ports.mqtt, join(dir, 'gateway'))
  try {
    const client = await logIn(compound.consoleUrl, 'admin', compound.firstPassword!)
    const decidedAt: Array<{ lift: string; at: number; consoleMs: number }> = []
    const stopWatching = await client.watch((message) => {
      const now = Date.now()
      const alarm = message.entry?.data.alarm as { place: { lift: string }; decidedAt: string } | undefined
      if (message.entry?.transition === 'raised' && alarm) {
        const at = Date.parse(alarm.decidedAt)
        decidedAt.push({ lift: alarm.place.lift, at, consoleMs: now - at })
      }
    })
    const heard: Array<{ lift: string; at: number }> = []
    for (const [lift, speaker] of compound.speakers) speaker.on('first', ({ at }) => heard.push({ lift, at }))
    const shown: Array<{ lift: string; at: number }> = []
    const before = compound.fleet.acknowledged
    const begun = Date.now()
    let isOver = false
    const play = liftIds(lifts).map(async (lift, index) => {
      await new Promise((resolve) => setTimeout(resolve, (index * cycleMs) / lifts))
      while (!isOver) {
        const next = new Promise((resolve) => setTimeout(resolve, cycleMs))
        shown.push({ lift, at: await compound.cameras.switchTo(lift, entry, { loop: false }) })
        await next
      }
    })
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    isOver = true
    await Promise.all(play)
    stopWatching()
    const rate = (compound.fleet.acknowledged - before) / ((Date.now() - begun) / 1000)

    /** The first of `events` of the same lift at or after `at` − 200 ms and before the next entry. */
    const follow = (events: Array<{ lift: string; at: number }>, lift: string, at: number) =>
      events.find((event) => event.lift === lift && event.at >= at - 200 && event.at < at + cycleMs - 1000)
    const toRtp = decidedAt.flatMap(({ lift, at }) => {
      const first = follow(heard, lift, at)
      return first ? [first.at - at] : []
    })
    const toConsole = decidedAt.map(({ consoleMs }) => consoleMs)
    const fromFrame = shown.flatMap(({ lift, at }) => {
      const first = follow(heard, lift, at)
      return first ? [first.at - at] : []
    })
    const row = (title: string, values: number[]) => [
      title,
      values.length,
      rounded(quantile(values, 0.5)),
      rounded(quantile(values, 0.95)),
      rounded(quantile(values, 0.99)),
    ]
    return {
      metrics: {
        decisionToRtpP99Ms: rounded(quantile(toRtp, 0.99)),
        decisionToConsoleP99Ms: rounded(quantile(toConsole, 0.99)),
        firstFrameToRtpP95Ms: rounded(quantile(fromFrame, 0.95)),
        entries: shown.length,
        alarms: decidedAt.length,
        telemetryPerSecond: rounded(rate),
      },
      peers: {},
      notes: [
        `${lifts} lifts, ${shown.length} entries, ${decidedAt.length} alarms, ${heard.length} warnings heard`,
        `${rounded(rate)} telemetry messages/s acknowledged; one subscriber of everything not reading`,
        'cameras, speakers and devices are simulated on the same machine',
      ],
      table: textTable([
        ['milliseconds', 'n', 'p50', 'p95', 'p99'],
        row('decision → first RTP packet', toRtp),
        row('decision → console WebSocket', toConsole),
        row('first e-bike picture → first RTP packet', fromFrame),
      ]),
    }
  } finally {
    stalled.end()
    await compound.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** As the shipped clips are encoded: a picture group a second, no B-frames. */
const encoding = '-an -c:v libx264 -preset veryfast -pix_fmt yuv420p -g 15 -bf 0 -r 15'.split(' ')

/** When the e-bike of the shipped clip is wholly inside, from its ground truth. */
function standsAtSeconds(): number {
  const truth = JSON.parse(readFileSync(clipFile('e-bike').replace(/mp4$/, 'json'), 'utf8')) as {
    framesPerSecond: number
    frames: Array<{ frame: number; objects: Array<{ label: string; box: number[] }> }>
  }
  const sizes = truth.frames.map(({ frame, objects }) => {
    const box = objects.find(({ label }) => label === 'e-bike')?.box
    return { frame, area: box ? box[2]! * box[3]! : 0 }
  })
  const largest = Math.max(...sizes.map(({ area }) => area))
  return sizes.find(({ area }) => area > largest * 0.8)!.frame / truth.framesPerSecond
}
