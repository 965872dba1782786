import t from 'tap'
import type { FacadeService, KnownCalibration } from '../core/facade.ts'
import type { FacadeCalibration } from '../core/facade-calibration.ts'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { apiStarter } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })

const drawn: FacadeCalibration = {
  left: [
    [0.2, 0.9],
    [0.25, 0.1],
  ],
  right: [
    [0.8, 0.9],
    [0.75, 0.1],
  ],
  floors: [2, 12].map((floor) => ({
    floor,
    line: [
      [0.1, 1 - floor / 14],
      [0.9, 1 - floor / 14],
    ],
  })),
  floorHeightM: 3,
}

t.test('an admin draws the floors of a facade; nobody else may, and only of cameras that watch one', async (t) => {
  const known = new Map<string, KnownCalibration>([['east', { camera: 'east', source: 'none' }]])
  const facades: FacadeService = {
    calibration: (camera) => known.get(camera),
    calibrate(camera, calibration, by) {
      if (calibration.floors[0]!.floor === calibration.floors[1]!.floor) return { refused: 'two floors are needed' }
      known.set(camera, { camera, calibration, source: 'drawn', drawnAt: Date.UTC(2026, 0, 2), drawnBy: by.id })
      return known.get(camera)!
    },
  }
  const { login } = await start(t, { facades })
  const admin = await login('admin')
  const put = (who: typeof admin, camera: string, payload: object) =>
    who.inject({ method: 'PUT', url: `/api/v1/cameras/${camera}/calibration`, payload })

  t.same((await admin.inject({ url: '/api/v1/cameras/east/calibration' })).json(), { camera: 'east', source: 'none' })
  const answer = await put(admin, 'east', drawn)
  t.equal(answer.statusCode, 200)
  t.match(answer.json(), { source: 'drawn', drawnBy: 'id-admin', drawnAt: '2026-01-02T00:00:00.000Z' })
  t.same((await admin.inject({ url: '/api/v1/cameras/east/calibration' })).json().calibration, drawn)

  const flat = { ...drawn, floors: [drawn.floors[0]!, drawn.floors[0]!] }
  t.equal((await put(admin, 'east', flat)).statusCode, 409, 'lines that span no facade')
  const { left: _, ...edgeless } = drawn
  const wrong = await put(admin, 'east', edgeless)
  t.equal(wrong.statusCode, 400)
  t.match(wrong.json().error.details, [{ field: 'body.left', message: 'is missing' }])
  t.equal((await put(admin, 'west', drawn)).statusCode, 404)
  for (const role of ['operator', 'caregiver'] as const) {
    const who = await login(role)
    t.equal((await put(who, 'east', drawn)).statusCode, 403, `${role} may not draw`)
    t.equal((await who.inject({ url: '/api/v1/cameras/east/calibration' })).statusCode, 403)
  }
})
