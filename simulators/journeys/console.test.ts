import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { until } from '../../gateway/testing/until.ts'
import { demoSite, startCompound } from '../compound.ts'
import { logIn as logInByApi } from '../console-client.ts'
import { createSimulatedLift } from '../devices/lift.ts'
import { freePorts } from '../ports.ts'

const executablePath = '/usr/bin/chromium'

/** Debian's Chromium, alone: no look-ups of its own in the network. */
function launch(): Promise<Browser> {
  if (!existsSync(executablePath)) throw new Error('chromium is not installed: apt-get install chromium')
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

async function logIn(page: Page, url: string, password: string, name = 'admin'): Promise<void> {
  await page.goto(url)
  await page.fill('input[autocomplete=username]', name)
  await page.fill('input[type=password]', password)
  await page.click('form button')
  await page.waitForURL('**/alarms')
}

t.test('the control room sees an e-bike come in, acknowledges it and follows its case', async (t) => {
  const [http, mqtt, bridge, platform, rtsp, rtp] = await freePorts(6)
  const compound = await startCompound({
    dir: t.testdir(),
    lifts: 1,
    devices: 5,
    ports: { http: http!, mqtt: mqtt!, bridge: bridge!, platform: platform!, rtsp: rtsp!, rtp: rtp! & ~1 },
    platformBehaviour: { delaysMs: { file: 50, dispatch: 50, accept: 50, handle: 100, verify: 50, close: 50 } },
  })
  t.teardown(() => compound.stop())
  const browser = await launch()
  t.teardown(() => browser.close())
  const page = await browser.newPage({ viewport: { width: 1366, height: 768 }, locale: 'zh-CN' })
  page.setDefaultTimeout(60_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))

  await page.goto(compound.consoleUrl)
  await page.fill('input[type=password]', 'not the password')
  await page.click('form button')
  t.match(await page.textContent('[role=alert]'), /用户名或密码不对/, 'a wrong password is told, in Chinese')
  await logIn(page, compound.consoleUrl, compound.firstPassword!)
  t.match(await page.textContent('.list'), /当前没有告警/)

  await compound.stage.show('b1-lift-cam', 'e-bike')
  const popup = page.getByRole('alertdialog')
  await popup.waitFor()
  t.match(await popup.textContent(), /电动自行车/)
  await popup.locator('.live-mark').waitFor()
  t.pass('the live picture moves in the pop-up')
  await popup.getByRole('button', { name: '确认', exact: true }).click()
  await popup.waitFor({ state: 'detached' })

  await page.locator('.row').first().click()
  await page.locator('.detail video').waitFor()
  t.match(await page.textContent('.detail'), /确认/, 'who acknowledged stands on the alarm')
  await page.getByRole('button', { name: '误报' }).click()
  await page.getByRole('button', { name: '婴儿车' }).click()
  await page.getByText('结论：误报').waitFor()
  await page.getByRole('link', { name: '查看案件' }).click()
  await page.locator('.detail .steps li.done').nth(5).waitFor()
  t.match(await page.textContent('.history'), /结案/, 'the city has closed the case')

  await page.getByRole('button', { name: 'English' }).click()
  t.match(await page.textContent('.top nav'), /Alarms/)
  compound.gateway.kill()
  await page.locator('.banner').waitFor()
  t.match(await page.textContent('.banner'), /connection to the gateway is lost/i)
  await page.locator('.banner').waitFor({ state: 'detached' })
  t.pass('the page comes back by itself')
  t.same(complaints, [])
})

/** One lift whose door hold is commissioned, in which an e-bike counts as gone only after a minute without it. */
async function compoundWithDoorHold(t: Test) {
  const [http, mqtt, bridge, platform, rtsp, rtp] = await freePorts(6)
  const place = { lift: 'b1-lift' }
  const compound = await startCompound({
    dir: t.testdir(),
    lifts: 1,
    devices: 0,
    ports: { http: http!, mqtt: mqtt!, bridge: bridge!, platform: platform!, rtsp: rtsp!, rtp: rtp! & ~1 },
    site: {
      devices: [
        { id: 'lift-signals', kind: 'lift', name: { zh: '电梯信号', en: 'Lift signals' }, place },
        { id: 'door-relay', kind: 'relay', name: { zh: '开门继电器', en: 'Door relay' }, place },
      ],
      doors: [
        {
          lift: 'b1-lift',
          driver: 'mqtt-relay',
          options: { device: 'door-relay', commissionedBy: 'Lift Service Ltd.', commissionedOn: '2026-11-01' },
        },
      ],
      scenes: [{ scene: 'ebike-in-elevator', lifts: 'all', options: { holdDoor: true, goneAfterMs: 60_000 } }],
    },
  })
  t.teardown(() => compound.stop())
  const device = (id: string) => ({ id, secret: compound.deviceSecrets[id]! })
  const lift = createSimulatedLift({
    url: `mqtt://127.0.0.1:${mqtt}`,
    site: demoSite,
    signals: device('lift-signals'),
    relay: device('door-relay'),
  })
  await lift.start()
  t.teardown(() => lift.stop())
  return { compound, lift }
}

t.test(
  'a new guard lets a held lift door go, sets an alarm aside for an hour, and is shut out when he leaves',
  async (t) => {
    const { compound, lift } = await compoundWithDoorHold(t)
    const browser = await launch()
    t.teardown(() => browser.close())
    const open = async () => {
      const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, locale: 'zh-CN' })
      context.setDefaultTimeout(60_000)
      return context.newPage()
    }
    const admin = await open()
    await logIn(admin, compound.consoleUrl, compound.firstPassword!)
    await admin.getByRole('link', { name: '账号' }).click()
    await admin.getByLabel('用户名').fill('li.wei')
    await admin.getByRole('button', { name: '生成' }).click()
    const password = await admin.getByLabel('首个密码').inputValue()
    await admin.getByRole('button', { name: '建立账号' }).click()
    await admin.getByText('已建立账号 li.wei').waitFor()

    const page = await open()
    await logIn(page, compound.consoleUrl, password, 'li.wei')
    await page.getByRole('link', { name: '账号' }).click()
    await page.getByText('修改我的密码').waitFor()
    t.equal(await page.getByText('新建账号').count(), 0, 'a guard changes the own password and makes no accounts')
    await page.getByRole('link', { name: '告警' }).click()

    await compound.stage.show('b1-lift-cam', 'e-bike')
    const popup = page.getByRole('alertdialog')
    await popup.getByText(/电梯门正保持打开，最多还有 \d+ 秒/).waitFor()
    t.equal(lift.isDoorHeld, true, 'the door is held while the e-bike is in the lift')
    await popup.getByRole('button', { name: '立即放开电梯门' }).click()
    await popup.getByText('电梯门已放开，本次不再保持').waitFor()
    await until('the relay has let go', () => !lift.isDoorHeld)
    t.pass('and one button lets it go')

    await popup.getByRole('button', { name: '搁置' }).click()
    await popup.getByRole('button', { name: '现场施工' }).click()
    await popup.getByRole('button', { name: '开始搁置' }).click()
    await popup.waitFor({ state: 'detached' })
    await page.getByText('搁置 1').waitFor()
    t.match(await page.locator('.row .shelved').textContent(), /后恢复 · li\.wei — 现场施工/, 'nobody forgets it')
    await page.locator('.row', { has: page.locator('.shelved') }).click()
    await page.locator('.detail').getByRole('button', { name: '取消搁置' }).click()
    await popup.getByRole('button', { name: '确认', exact: true }).click()
    await page
      .locator('.detail')
      .getByText(/li\.wei 于 .+ 确认/)
      .waitFor()
    t.pass('back from the shelf it rings again, until the guard acknowledges it under his own name')

    const client = await logInByApi(compound.consoleUrl, 'li.wei', password)
    const { items } = await client.get<{ items: Array<{ id: string; name: string }> }>('/users/names')
    const { entries } = await client.get<{ entries: Array<{ transition: string; actor: { id: string } }> }>(
      '/journal?after=0&limit=500&topics=event',
    )
    const released = entries.find(({ transition }) => transition === 'door-released')
    t.equal(released?.actor.id, items.find(({ name }) => name === 'li.wei')?.id, 'the journal says who let the door go')

    await admin.getByRole('button', { name: '停用: li.wei' }).click()
    await admin.getByRole('button', { name: '确认停用' }).click()
    await page.waitForURL('**/login**')
    t.pass('the page of a closed account ends by itself')
  },
)
