import t from 'tap'
import { calibrationOf, createBuilding } from '../../simulators/facades/building.ts'
import { createFacadeMap, type FacadeCalibration } from './calibration.ts'

t.test('clicked edges and floor lines tell the storey and the flat of every window', async (t) => {
  for (const number of [1, 2, 3, 4]) {
    const building = createBuilding(number, 1920)
    const map = createFacadeMap(calibrationOf(building))
    t.ok(map.residual < 0.01, 'lines of a real plane fit one plane')
    for (const floor of [1, 4, building.floors])
      for (const column of [0, building.columns - 1]) {
        const x = (column + 0.5 - building.columns / 2) * building.columnWidthM
        const seen = building.project({ x, out: 0, up: (floor - 0.5) * building.floorHeightM })
        const at = map.toFacade(seen.x / building.width, seen.y / building.height)
        t.equal(Math.floor(at.level) + 1, floor)
        t.equal(Math.floor(at.across * building.columns), column)
        const back = map.toPicture(at)
        t.ok(Math.hypot(back.x - seen.x / building.width, back.y - seen.y / building.height) < 1e-6, 'and back again')
      }
  }
})

t.test('lines that cannot span a facade are refused with what to click again', async (t) => {
  const left: FacadeCalibration['left'] = [
    [0.2, 0.9],
    [0.3, 0.1],
  ]
  const line = (y: number): FacadeCalibration['left'] => [
    [0.2, y],
    [0.8, y],
  ]
  const base = { left, right: [...left] as FacadeCalibration['right'], floorHeightM: 3 }
  t.throws(
    () =>
      createFacadeMap({
        ...base,
        floors: [
          { floor: 1, line: line(0.8) },
          { floor: 1, line: line(0.7) },
        ],
      }),
    /different floors/,
  )
  t.throws(
    () =>
      createFacadeMap({
        ...base,
        floors: [
          { floor: 3, line: left },
          { floor: 5, line: line(0.4) },
        ],
      }),
    /floor 3/,
  )
  t.throws(
    () =>
      createFacadeMap({
        ...base,
        floors: [
          { floor: 1, line: line(0.8) },
          { floor: 9, line: line(0.2) },
        ],
      }),
    /span/,
  )
})
