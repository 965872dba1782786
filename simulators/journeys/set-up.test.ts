import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startApp } from '../../gateway/app.ts'
import { parseSite } from '../../gateway/config/load.ts'
import { driverSchemas } from '../../gateway/drivers.ts'
import { createRtspServer } from '../cameras/rtsp-server.ts'
import { calibrationOf, createBuilding } from '../facades/building.ts'
import { renderScene } from '../facades/render.ts'
import { freePorts } from '../ports.ts'
import { launch, logIn } from './browser.ts'

const [building, width] = [301, 640]
type Point = [number, number]

/** A gateway with one camera on a facade nobody has drawn yet. */
async function site(t: Test) {
  const home = t.testdir()
  const dir = join(home, 'data')
  mkdirSync(dir)
  const clip = join(home, 'facade.mp4')
  await renderScene(
    {
      ...{ building, seed: 3, width, framesPerSecond: 25, seconds: 4, daylight: 'day', noise: 1 },
      ...{ throws: [], distractors: [], disturbances: [] },
    },
    clip,
  )
  const rtsp = await createRtspServer({ port: 0 })
  t.teardown(() => rtsp.close())
  await rtsp.mount('east', { file: clip, loop: true })
  const [mqtt] = await freePorts(1)
  const text = JSON.stringify({
    site: { id: 'garden', name: { zh: '花园', en: 'Garden' } },
    dataDir: dir,
    http: { port: 0 },
    mqtt: { port: mqtt },
    buildings: ['1', '2'].map((nth) => ({ id: `b${nth}`, name: { zh: `${nth} 号楼`, en: `Building ${nth}` } })),
    cameras: [{ id: 'east', name: { zh: '东立面', en: 'East' }, place: { building: 'b1' }, url: rtsp.url('east') }],
    scenes: [{ scene: 'high-rise-throwing', cameras: ['east'] }],
    models: { dir: new URL('../../models', import.meta.url).pathname, workers: 1 },
    learning: { mode: 'off' },
  })
  const config = parseSite(text, join(dir, 'site.yaml'), driverSchemas)
  const app = await startApp({
    config,
    logger: pino({ level: process.env.GRIDGATE_TEST_LOG ?? 'silent' }),
    consoleDir: new URL('../../dist/console', import.meta.url).pathname,
  })
  t.teardown(() => app.stop())
  return app
}

/** Two points of a line that lie well within the picture. */
function within([[ax, ay], [bx, by]]: readonly [Point, Point]): [Point, Point] {
  const at = (s: number): Point => [ax + s * (bx - ax), ay + s * (by - ay)]
  const inside = Array.from({ length: 101 }, (_, index) => at(index / 100)).filter(([x, y]) =>
    [x, y].every((part) => part > 0.01 && part < 0.99),
  )
  return [inside[0]!, inside.at(-1)!]
}

async function clickAt(page: Page, [x, y]: Point): Promise<void> {
  const picture = page.locator('.still svg')
  const { width, height } = (await picture.boundingBox())!
  await picture.click({ position: { x: x * width, y: y * height } })
}

async function draw(page: Page, line: readonly [Point, Point]): Promise<void> {
  for (const point of within(line)) await clickAt(page, point)
}

t.test('an admin sets up the site in a browser', { timeout: 480_000 }, async (t) => {
  const app = await site(t)
  const browser = await launch()
  t.teardown(() => browser.close())
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, locale: 'zh-CN' })
  context.setDefaultTimeout(60_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  await logIn(page, app.url, app.firstPassword!)

  await t.test('the floors of a facade are drawn on its picture, and a window tells its floor', async (t) => {
    const truth = calibrationOf(createBuilding(building, width))
    const [low, , high] = truth.floors
    await page.getByRole('link', { name: '摄像头' }).click()
    await page.getByText('● 在线').waitFor()
    await page.getByRole('button', { name: '标定楼层' }).click()
    await page.getByText('尚未标定').waitFor()
    await page.locator('.still img').evaluate('(image) => image.decode()')
    await page.getByText('还缺：两条边和两条楼层线。').waitFor()

    await draw(page, truth.left)
    await draw(page, truth.right)
    await page.getByLabel('最低一条线的楼层').fill(String(low!.floor))
    await draw(page, low!.line)
    await draw(page, high!.line)
    await page.getByLabel('楼层线所在楼层').last().fill(String(high!.floor))
    await page.getByLabel('每层户数').fill(String(truth.columns))
    await page.getByText(/各线与立面的偏差不超过/).waitFor()

    const map = createBuilding(building, width)
    const half = (map.columns * map.columnWidthM) / 2
    const windowOf = (floor: number, column: number): Point => {
      const at = { x: -half + (column - 0.5) * map.columnWidthM, out: 0, up: (floor - 0.5) * map.floorHeightM }
      const { x, y } = map.project(at)
      return [x / map.width, y / map.height]
    }
    await page.getByRole('button', { name: '核对' }).click()
    for (const [floor, column] of [
      [3, 1],
      [Math.round(map.floors / 2), map.columns],
    ] as const) {
      await clickAt(page, windowOf(floor, column))
      await page.getByText(`${floor} 层，左起第 ${column} 户`).waitFor()
    }
    await page.getByRole('button', { name: '保存' }).click()
    await page.getByText('已保存，立即生效。').waitFor()
    await page.reload()
    await page.getByText('在此标定：').waitFor()
    t.equal(await page.locator('.still line.floor').count(), 2, 'both lines are there again')
  })

  await t.test('a device is registered, is given another name and place, and is removed', async (t) => {
    await page.getByRole('link', { name: '设备' }).click()
    await page.getByRole('button', { name: '登记设备' }).click()
    await page.getByLabel('编号（').fill('b1-smoke-9')
    await page.getByLabel('中文名称').fill('烟感九')
    await page.getByLabel('楼栋').selectOption('b1')
    await page.getByLabel('楼层').fill('9')
    await page.getByRole('button', { name: '登记', exact: true }).click()
    await page.getByText('b1-smoke-9 已登记').waitFor()
    await page.getByText('登录信息只显示这一次').waitFor()

    await page.locator('.list a.row', { hasText: '烟感九' }).click()
    const detail = page.locator('.detail')
    await detail.getByRole('button', { name: '修改名称、位置' }).click()
    await detail.getByLabel('中文名称').fill('走廊烟感')
    await detail.getByLabel('楼栋').selectOption('b2')
    await detail.getByText('该设备未结束的告警随之结束').waitFor()
    await detail.getByRole('button', { name: '保存' }).click()
    await detail.getByRole('heading', { name: '走廊烟感' }).waitFor()
    await page.locator('.list a.row', { hasText: '2 号楼 9 层' }).waitFor()
    t.pass('named and placed anew')

    await detail.getByRole('button', { name: '删除设备' }).click()
    await detail.getByRole('button', { name: '删除', exact: true }).click()
    await page.getByText('没有配置设备').waitFor()
  })

  t.same(complaints, [])
})
