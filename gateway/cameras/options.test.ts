import t from 'tap'
import { readerArguments, readerScript } from './ffmpeg-arguments.ts'
import { planCamera } from './options.ts'

const url = 'rtsp://10.0.0.8:554/Streaming/Channels/102?x=1'

t.test('a camera with one stream is analysed and kept from the same one', (t) => {
  const plan = planCamera({ id: 'lift', url })
  t.same(plan.analysed, { type: 'rtsp', url, secrets: [] })
  t.equal(plan.main, undefined)
  t.match(plan, {
    pictures: { fps: 5, width: 640, height: 360 },
    stallMs: 10_000,
    backoff: { minMs: 1000, maxMs: 60_000 },
  })
  t.equal(planCamera({ id: 'lift', url, subUrl: url }).main, undefined)
  t.end()
})

t.test('credentials are escaped, hidden from the command line, and known for scrubbing', (t) => {
  const { analysed } = planCamera({ id: 'lift', url, username: 'admin', password: "a'b/c@d e%" })
  if (analysed.type !== 'rtsp') return t.fail('not a stream')
  t.match(analysed.url, 'rtsp://admin:a%27b%2Fc%40d%20e%25@10.0.0.8:554/')
  t.ok(analysed.secrets.includes("a'b/c@d e%"))
  t.notMatch(readerArguments(analysed, undefined).join(' '), /admin|rtsp:\/\//)
  t.match(readerScript(analysed, 10_000), `file '${analysed.url}'`)
  const inUrl = planCamera({ id: 'lift', url: 'rtsp://u:p%40@host/x' }).analysed
  t.match(inUrl, { url: 'rtsp://u:p%40@host/x', secrets: ['u:p%40', 'p%40', 'p@'] })
  t.end()
})

t.test('what cannot work is refused with the name of the camera and the cure', (t) => {
  t.throws(() => planCamera({ id: 'lift', url: 'http://host/x' }), /camera lift: its URL must begin with rtsp/)
  t.throws(() => planCamera({ id: 'lift', url: "rtsp://host/x'\noption y" }), /control character/)
  t.throws(() => planCamera({ id: 'lift', url, analysis: { fps: 0 } }), /analysis.fps is 0/)
  t.throws(() => planCamera({ id: 'lift', url, analysis: { width: 3 } }), /analysis.width is 3/)
  t.throws(() => planCamera({ id: 'lift', url, analysis: { heldPictures: 2 } }), /analysis.heldPictures is 2/)
  t.throws(() => planCamera({ id: 'lift', url, evidence: { ringMs: 5000 } }), /at least 20000/)
  t.end()
})
