import t, { type Test } from 'tap'
import { until } from '../../gateway/testing/until.ts'
import { demoSite } from '../compound.ts'
import { createFleet } from '../devices/fleet.ts'
import { launch, logIn } from './browser.ts'
import { addAccount } from './console-steps.ts'
import { journeyCompound } from './journey-compound.ts'

const words = (zh: string, en: string) => ({ zh, en })

/** One elder with a button and a band, two contacts who are told one after the other, and a caregiver of others. */
async function compoundWithElder(t: Test) {
  const caregiver = (letter: string, name: string) => ({
    ...{ id: `caregiver-${letter}`, name, duty: 'caregiver' },
    channels: [{ notifier: 'phones', address: `caregiver-${letter}` }],
  })
  const place = { building: 'b3', floor: '3', flat: '301' }
  const { compound, ports } = await journeyCompound(t, {
    ...{ lifts: 0, devices: 0 },
    caregivers: [{ id: 'caregiver-a' }, { id: 'caregiver-b' }],
    site: {
      buildings: [{ id: 'b3', name: words('3 号楼', 'Building 3') }],
      devices: [
        { id: 'sos-301', kind: 'sos', name: words('床头按钮', 'Bedside button'), place },
        { id: 'band-301', kind: 'wearable', name: words('手环', 'Band'), place },
      ],
      people: [
        { id: 'control-room', name: '控制室', duty: 'control-room' },
        ...[caregiver('a', '护理员甲'), caregiver('b', '护理员乙'), caregiver('c', '护理员丙')],
      ],
      chains: [
        {
          id: 'quick',
          repeatSeconds: 600,
          steps: [
            { afterSeconds: 0, tell: ['contact-1'] },
            { afterSeconds: 4, tell: ['contact-2'] },
            { afterSeconds: 1200, tell: ['control-room'], task: 'call-120' },
          ],
        },
      ],
      elders: [
        {
          ...{ id: 'elder-301', name: '301 室长者', place, chain: 'quick' },
          devices: ['sos-301', 'band-301'],
          contacts: ['caregiver-a', 'caregiver-b'],
          consents: { city: false, health: true, recordedAt: '2026-01-31', recordedBy: '值班员' },
        },
      ],
      scenes: [],
    },
  })
  const home = createFleet({
    url: `mqtt://127.0.0.1:${ports.mqtt}`,
    site: demoSite,
    devices: [
      { id: 'sos-301', kind: 'sos' },
      { id: 'band-301', kind: 'wearable' },
    ],
    secrets: compound.deviceSecrets,
    everyMs: 3000,
  })
  t.teardown(() => home.stop())
  await home.start()
  return { compound, home }
}

t.test(
  'an elder presses the button: the caregiver sees it on the phone, goes, arrives and settles it, and the control room sees all of it',
  { timeout: 480_000 },
  async (t) => {
    const { compound, home } = await compoundWithElder(t)
    const browser = await launch()
    t.teardown(() => browser.close())
    const open = async (viewport: { width: number; height: number }) => {
      const context = await browser.newContext({ viewport, locale: 'zh-CN' })
      context.setDefaultTimeout(60_000)
      return context.newPage()
    }
    const desk = await open({ width: 1366, height: 768 })
    await logIn(desk, compound.consoleUrl, compound.firstPassword!)
    const password = await addAccount(desk, 'care.a', '护理员甲')
    const strangerPassword = await addAccount(desk, 'care.c', '护理员丙')

    const phone = await open({ width: 390, height: 844 })
    await logIn(phone, compound.consoleUrl, password, 'care.a', '/elders')
    const card = phone.locator('article.elder')
    await card.getByText('平安').waitFor()
    await card.getByText('心率').waitFor()
    t.same(
      await phone
        .locator('.top nav a')
        .allTextContents()
        .then((names) => names.map((name) => name.trim())),
      ['长者', '账号'],
      'a caregiver has no alarms, cameras and cases',
    )

    const pressedAt = Date.now()
    await home.happen('sos-301', 'press')
    await card.getByText('正在求助').waitFor()
    t.comment(`on the phone's page after ${Date.now() - pressedAt} ms`)
    await card.getByText('正在呼叫，还没有人应答').waitFor()
    await phone.getByRole('button', { name: '静音' }).waitFor()
    t.pass('the phone sounds until it is answered')
    await until('the second contact is told as nobody answers', () =>
      compound.caregivers.received.some(({ to }) => to === 'caregiver-b'),
    )

    await card.getByRole('button', { name: '我去处理' }).click()
    await card.getByText(/已有人去处理 · 护理员甲/).waitFor()
    await phone.getByRole('button', { name: '静音' }).waitFor({ state: 'detached' })
    await card.getByRole('button', { name: '已到场' }).click()
    await card.getByText(/已有人到场 · 护理员甲/).waitFor()
    await card.getByRole('button', { name: '已解决' }).click()
    await card.getByLabel('处理情况').last().fill('坐在地上，已扶起，没有受伤')
    await card.getByRole('button', { name: '提交，已解决' }).click()
    await card.getByText('已处理，现场仍报').waitFor()
    t.pass('answered, arrived and settled with one thumb')
    const isWide = await phone.evaluate('document.documentElement.scrollWidth > window.innerWidth')
    t.equal(isWide, false, 'nothing of it lies beside the screen')

    await card.getByRole('link', { name: '301 室长者' }).click()
    await phone.getByRole('img', { name: '心率' }).waitFor()
    await phone.locator('.home-devices').getByText('手环').first().waitFor()
    await phone.getByText('值班员', { exact: false }).waitFor()
    t.pass('course of the pulse, devices and consents stand on the page of the elder')

    await desk.getByText(/护理员甲 已处理完毕：.*老人紧急呼叫/).waitFor()
    await desk.getByRole('alertdialog').waitFor({ state: 'detached' })
    t.equal(await desk.getByRole('button', { name: '静音' }).count(), 0)
    t.pass('the control room hears of it no more, and is told who has settled it')
    await desk.locator('p.settled').getByRole('link', { name: '详情' }).click()
    await desk
      .locator('.detail')
      .getByText(/护理员甲 于 .* 处理完毕（照护人页面）/)
      .waitFor()
    t.equal(await desk.locator('.detail').getByRole('button', { name: '确认', exact: true }).count(), 0)
    const page = desk.locator('a.row', { hasText: '护理员甲' })
    t.match(await page.textContent(), /进行中 · 已确认/, 'acknowledged, and open as long as the button says so')
    const detail = desk.locator('.detail')
    const told = (person: string) => detail.locator('.told li', { hasText: person })
    t.match(await told('护理员甲').textContent(), /照护人手机.*已送出 \d+:\d+:\d+.*应答 \d+:\d+:\d+/s)
    t.match(await told('护理员乙').textContent(), /照护人手机.*已送出 \d+:\d+:\d+/s)
    const answers = await detail.locator('.answers li').allTextContents()
    t.equal(answers.length, 3)
    for (const [index, did] of [/去处理/, /到场/, /解决.*坐在地上，已扶起，没有受伤/s].entries()) {
      t.match(answers[index], did)
      t.match(answers[index], /^\d+:\d+:\d+ ?护理员甲/, 'with its time and who it was')
    }

    await home.happen('sos-301', 'press')
    await desk
      .getByRole('alertdialog')
      .getByText(/按“确认”“属实”或“误报”即停止通知/)
      .waitFor()
    t.pass('the control room is told what its buttons end, before it presses one')
    await desk.getByRole('alertdialog').getByRole('button', { name: '静音' }).click()
    t.match(await desk.getByRole('alertdialog').textContent(), /即停止通知/, 'silence ends no calling')
    await phone.getByText('正在呼叫，还没有人应答').first().waitFor()
    t.pass('who presses again after that is heard by everybody anew')

    const stranger = await open({ width: 390, height: 844 })
    await logIn(stranger, compound.consoleUrl, strangerPassword, 'care.c', '/elders')
    await stranger.getByText('没有您照护的长者').waitFor()
    await stranger.goto(`${compound.consoleUrl}/elders/elder-301`)
    await stranger.getByText('找不到').waitFor()
    t.equal(await stranger.getByText('301').count(), 0, 'who lives here is not told to strangers')
    await stranger.goto(`${compound.consoleUrl}/alarms`)
    await stranger.waitForURL('**/elders')
  },
)
