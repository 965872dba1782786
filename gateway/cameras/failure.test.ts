import t from 'tap'
import { explainFailure, scrub, tellsDamage } from './failure.ts'

t.test('what ffmpeg says becomes a sentence an operator can act on', (t) => {
  for (const [line, expected] of [
    ['[rtsp @ 0x1] [error] method DESCRIBE failed: 401 Unauthorized', /user name or password/],
    ['[error] pipe:0: Connection refused', /nothing answers/],
    ['[error] pipe:0: Server returned 404 Not Found', /path of the URL/],
    ['[tcp @ 0x1] [error] Failed to resolve hostname cam: Name or service not known', /host name/],
    ['[h264 @ 0x1] [error] Picture size 60000x60000 is invalid', /too large/],
    ['[abc @ 0x1] [error] something new', /^ffmpeg: something new$/],
  ] as const) {
    const end = explainFailure([line], [])
    t.match(end, { type: 'failed', reason: expected })
  }
  t.match(explainFailure([], []), { reason: 'the stream ended' })
  t.match(explainFailure(['401 Unauthorized'], []), { isRefused: true })
  t.end()
})

t.test('credentials are removed in whatever form they come back', (t) => {
  const said = "Impossible to open 'rtsp://admin:p%40ss@cam/x' for p@ss"
  t.equal(scrub(said, ['p@ss']), "Impossible to open 'rtsp://cam/x' for •••")
  t.end()
})

t.test('damage is told from harmless complaints', (t) => {
  for (const line of [
    '[rtsp @ 0x1] [warning] RTP: missed 1 packets',
    '[h264 @ 0x1] [error] error while decoding MB 1 2, bytestream 3',
    '[hevc @ 0x1] [error] Could not find ref with POC 5',
    '[warning] pipe:0: corrupt decoded frame in stream 0',
  ]) {
    t.equal(tellsDamage(line), true, line)
  }
  for (const line of [
    '[h264 @ 0x1] [error] SEI type 5 size 40 truncated at 32',
    '[mpegts @ 0x1] [warning] Non-monotonous DTS in output stream 1:0',
    '[mpegts @ 0x1] [warning] Invalid DTS: 6000 PTS: -6000 in output stream 1:0, replacing by guess',
  ]) {
    t.equal(tellsDamage(line), false, line)
  }
  t.end()
})
