import type { CameraProblem } from '../core/ports.ts'

/** Why a reader ended. */
export type ReaderEnd =
  | { type: 'stopped' }
  /** A file that does not loop has been played. */
  | { type: 'finished' }
  | { type: 'failed'; reason: string; problem?: CameraProblem; isRefused: boolean }

/** Removes credentials from what ffmpeg says. */
export function scrub(text: string, secrets: readonly string[]): string {
  let clean = text.replace(/(\w+:\/\/)[^\s/'"]*@/g, '$1')
  for (const secret of secrets) clean = clean.replaceAll(secret, '•••')
  return clean
}

interface KnownFailure {
  pattern: RegExp
  problem: CameraProblem
  reason: string
  /** Asking again soon may lock the account. */
  isRefused?: boolean
}

const knownFailures: readonly KnownFailure[] = [
  {
    pattern: /401 Unauthorized|authorization failed/i,
    problem: 'login',
    reason: 'the camera refused the user name or password (401): check both in the site file',
    isRefused: true,
  },
  {
    pattern: /403 Forbidden/i,
    problem: 'rights',
    reason: 'the camera forbids this user to watch this stream (403): check the rights of the user on the camera',
    isRefused: true,
  },
  {
    pattern: /404 Not Found/i,
    problem: 'path',
    reason: 'the camera knows no stream of this path (404): check the path of the URL',
  },
  {
    pattern: /453 Not Enough Bandwidth/i,
    problem: 'receivers',
    reason: 'the camera has no stream left to give (453): too many receivers',
  },
  {
    pattern: /461 |Unsupported Transport/i,
    problem: 'transport',
    reason: 'the camera does not send over TCP (461): allow RTP over RTSP on it',
  },
  {
    pattern: /Connection refused/i,
    problem: 'port',
    reason: 'nothing answers at this address and port: check both, and that RTSP is on',
  },
  {
    pattern: /No route to host|Network is unreachable/i,
    problem: 'network',
    reason: 'the camera cannot be reached: check network and power',
  },
  {
    pattern: /Name or service not known|resolve hostname|Temporary failure in name/i,
    problem: 'name',
    reason: "the camera's host name is not known",
  },
  {
    pattern: /Connection timed out|Operation timed out/i,
    problem: 'silent',
    reason: 'the camera does not answer: check network and power',
  },
  { pattern: /Connection reset by peer|Broken pipe/i, problem: 'broken', reason: 'the camera broke the connection' },
  { pattern: /No such file or directory/i, problem: 'file', reason: 'the file does not exist' },
  {
    pattern: /matches no streams|does not contain any stream/i,
    problem: 'no-video',
    reason: 'there is no video in this stream',
  },
  {
    pattern: /Cannot allocate memory|exceeds max_pixels|Picture size \d+x\d+ is invalid/i,
    problem: 'size',
    reason: 'the pictures are too large',
  },
  {
    pattern: /Unsupported codec|no decoder found|Decoder .* not found/i,
    problem: 'codec',
    reason: 'ffmpeg cannot decode this video format',
  },
]

/** A sentence an operator can act on, from the last lines of ffmpeg; never with credentials. */
export function explainFailure(complaints: readonly string[], secrets: readonly string[]): ReaderEnd {
  const text = complaints.join('\n')
  const known = knownFailures.find(({ pattern }) => pattern.test(text))
  if (known) {
    const { reason, problem, isRefused = false } = known
    return { type: 'failed', reason, problem, isRefused }
  }
  const last = complaints.findLast((line) => /\[(error|fatal)\]/.test(line))
  const reason = last ? `ffmpeg: ${scrub(last, secrets).replace(/\[[^\]]*\]\s*/g, '')}` : 'the stream ended'
  return {
    type: 'failed',
    reason: reason.slice(0, 300),
    ...(last ? {} : { problem: 'ended' as const }),
    isRefused: false,
  }
}

/** The gateway runs without ffmpeg, its cameras do not. */
export function missingFfmpeg(path: string, code: string | undefined): ReaderEnd {
  const what = code === 'EACCES' ? `${path} may not be executed` : `ffmpeg was not found (${path})`
  const reason = `${what}: install it (Debian: apt-get install ffmpeg)`
  return { type: 'failed', reason, problem: 'ffmpeg', isRefused: false }
}

/**
 * A line with which ffmpeg says that packets are missing or that a picture, or one it refers to, is damaged. Other
 * complaints (a strange SEI, a clock that steps back) leave the picture whole.
 */
export function tellsDamage(line: string): boolean {
  return /RTP: missed|corrupt decoded frame/.test(line) || (/^\[(h264|hevc) @/.test(line) && damage.test(line))
}

const damage = new RegExp(
  [
    'error while decoding',
    'concealing',
    'missing',
    'could not find ref',
    'invalid',
    'out of range',
    'outside the valid range',
    'unavailable',
    'overflow',
    'corrupt',
    'decode_slice_header error',
    'no frame!',
    'error splitting',
    'mmco: unref',
    'reference (count|frames)',
    'reference \\d+ >=',
    'cabac',
    'negative number',
    'too (large|many|small)',
    'non-existing',
    'first_mb_in_slice',
  ].join('|'),
  'i',
)
