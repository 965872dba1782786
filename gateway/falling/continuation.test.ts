import t from 'tap'
import { continues, expectedY, joined } from './continuation.ts'
import type { FallSegment } from './fall-segment.ts'
import { belongTogether } from './throw.ts'

const size = { width: 960, height: 540 }

const still = { seconds: 0, reach: 0 }

/** A path that comes down at a steady or growing speed, 25 pictures a second. */
function path(
  from: number,
  to: number,
  at: { x: number; y: number; vy: number; vx?: number; ay?: number; area?: number },
) {
  const { x, y, vy, vx = 0, ay = 0, area = 20 } = at
  const sights = Array.from({ length: Math.round((to - from) * 25) + 1 }, (_, i) => {
    const s = i / 25
    return {
      ...{ t: from + s, x: x + vx * s, y: y + vy * s + (ay / 2) * s * s },
      ...{ width: 5, height: 5, area, weight: area * 50, polarity: -1 },
    }
  })
  const fall: FallSegment = {
    track: 1,
    sights,
    fromS: from,
    toS: sights.at(-1)!.t,
    isFlight: false,
    before: still,
    after: still,
  }
  return fall
}

t.test('what is lost before a dark window and found below it is one path', async (t) => {
  const before = path(1, 2, { x: 500, y: 100, vy: 40 })
  const after = path(3, 4, { x: 500, y: 180, vy: 40 })
  t.ok(continues(before, after, size))
  const whole = joined(before, after)
  t.same([whole.fromS, whole.toS, whole.sights.length], [1, 4, before.sights.length + after.sights.length])
  t.ok(Math.abs(expectedY(before, 1) - 180) < 1)
})

t.test('what gathers speed while it is out of sight is met where it must be', async (t) => {
  const before = path(1, 1.6, { x: 500, y: 60, vy: 20, ay: 120 })
  const { y, vy } = { y: 60 + 20 * 1.2 + 60 * 1.44, vy: 20 + 120 * 1.2 }
  t.ok(continues(before, path(2.2, 3, { x: 503, y, vy, ay: 120 }), size))
})

t.test('another thing is not taken for it', async (t) => {
  const before = path(1, 2, { x: 500, y: 100, vy: 40 })
  const others = {
    'beside it': path(3, 4, { x: 560, y: 180, vy: 40 }),
    'further down than it can be': path(3, 4, { x: 500, y: 300, vy: 40 }),
    'above where it was': path(3, 4, { x: 500, y: 90, vy: 40 }),
    'far larger': path(3, 4, { x: 500, y: 180, vy: 40, area: 400 }),
    'far faster': path(2.4, 3, { x: 500, y: 116, vy: 400 }),
    'long after': path(5, 6, { x: 500, y: 260, vy: 40 }),
  }
  for (const [what, after] of Object.entries(others)) t.notOk(continues(before, after, size), what)
  const late = path(3, 4, { x: 500, y: 180, vy: 40 })
  t.notOk(continues(before, late, size, { crowd: 200 }), 'in a snowfall the next flake would be')
})

t.test('a sheet that still falls is not the box that is thrown after it', async (t) => {
  const sheet = path(1, 9, { x: 500, y: 100, vy: 25 })
  const box = path(8.8, 11, { x: 520, y: 100, vy: 60, ay: 90 })
  t.notOk(belongTogether(sheet, box, size), 'one ends below where the other begins')
  const late = path(6, 8, { x: 520, y: 100, vy: 40 })
  t.notOk(belongTogether(sheet, late, size), 'storeys apart at the same time')
})

t.test('a mirror image, a little lower and as fast, is the same throw', async (t) => {
  const object = path(1, 3, { x: 500, y: 100, vy: 60, ay: 80 })
  t.ok(belongTogether(object, path(1.2, 3, { x: 515, y: 140, vy: 70, ay: 80 }), size))
})

t.test('what bounces off a canopy and falls on is the same throw', async (t) => {
  const thrown = path(1, 2.4, { x: 500, y: 100, vy: 60, ay: 150 })
  const hit = thrown.sights.at(-1)!
  t.ok(belongTogether(thrown, path(3, 3.6, { x: 510, y: hit.y - 12, vy: 5, ay: 150 }), size))
  t.notOk(
    belongTogether(thrown, path(3, 3.6, { x: 610, y: hit.y - 12, vy: 5, ay: 150 }), size),
    'elsewhere it is another',
  )
})

t.test(
  'nothing bounces higher than it fell fast: what begins above a sheet that sank away is another throw',
  async (t) => {
    const sheet = path(1, 8, { x: 500, y: 100, vy: 15 })
    const lost = sheet.sights.at(-1)!
    t.notOk(belongTogether(sheet, path(9, 10.4, { x: 490, y: lost.y - 40, vy: 20, ay: 100 }), size))
    t.ok(
      belongTogether(sheet, path(9, 10.4, { x: 495, y: lost.y + 12, vy: 15 }), size),
      'the rest of its way is its own',
    )
  },
)

t.test('a box thrown past a sheet that still sinks is a throw of its own', async (t) => {
  const sheet = path(1, 9, { x: 500, y: 100, vy: 50 })
  const box = path(6, 7.4, { x: 470, y: 300, vy: 45, ay: 60 })
  t.notOk(belongTogether(sheet, box, size))
})
