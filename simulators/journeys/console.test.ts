import t from 'tap'
import { launch, logIn } from './browser.ts'
import { fastPlatform, journeyCompound } from './journey-compound.ts'

t.test('the control room sees an e-bike come in, acknowledges it and follows its case', async (t) => {
  const { compound } = await journeyCompound(t, { devices: 5, platformBehaviour: fastPlatform })
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

  const card = page.locator('.board .card').first()
  await card.locator('img').waitFor()
  t.match(
    await card.textContent(),
    /电动自行车.*1 号楼/s,
    'while no alarm is chosen the open ones stand there with their pictures',
  )
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
  await page.locator('.banner').waitFor({ state: 'detached', timeout: 180_000 })
  t.pass('the page comes back by itself')
  t.same(complaints, [])
})
