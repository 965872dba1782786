import t, { type Test } from 'tap'
import { until } from '../../gateway/testing/until.ts'
import { demoSite } from '../compound.ts'
import { logIn as logInByApi } from '../console-client.ts'
import { createSimulatedLift } from '../devices/lift.ts'
import { launch, logIn } from './browser.ts'
import { journeyCompound } from './journey-compound.ts'

/** One lift whose door hold is commissioned, in which an e-bike counts as gone only after a minute without it. */
async function compoundWithDoorHold(t: Test) {
  const place = { lift: 'b1-lift' }
  const { compound, ports } = await journeyCompound(t, {
    devices: 0,
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
  const device = (id: string) => ({ id, secret: compound.deviceSecrets[id]! })
  const lift = createSimulatedLift({
    url: `mqtt://127.0.0.1:${ports.mqtt}`,
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
      context.setDefaultTimeout(120_000)
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
    await page.locator('.top .mark', { hasText: '搁置 1' }).waitFor()
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
    const guard = items.find(({ name }) => name === 'li.wei')!
    const released = entries.filter(({ transition }) => transition === 'door-released').map(({ actor }) => actor.id)
    t.ok(released.includes(guard.id), 'the journal says who let the door go')

    await admin.getByRole('button', { name: '停用: li.wei' }).click()
    await admin.getByRole('button', { name: '确认停用' }).click()
    await page.waitForURL('**/login**')
    t.pass('the page of a closed account ends by itself')
  },
)
