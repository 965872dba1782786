import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import webPush from 'web-push'
import { until } from '../../gateway/testing/until.ts'
import { type PushService, startPushService } from '../caregivers/push-service.ts'
import { demoSite } from '../compound.ts'
import { createFleet } from '../devices/fleet.ts'
import { launch, logIn } from './browser.ts'
import { addAccount } from './console-steps.ts'
import { journeyCompound } from './journey-compound.ts'

const words = (zh: string, en: string) => ({ zh, en })
const place = { building: 'b3', floor: '3', flat: '301' }

/** A site that wakes the phone of its one caregiver, with an elder who has a button. */
async function compoundThatPushes(t: Test, dir: string, service: PushService) {
  const keys = webPush.generateVAPIDKeys()
  writeFileSync(join(dir, 'vapid-key'), keys.privateKey)
  // The gateway is a child of this process and believes this push service only.
  process.env.NODE_EXTRA_CA_CERTS = service.certificateFile
  t.teardown(() => {
    delete process.env.NODE_EXTRA_CA_CERTS
  })
  const { compound, ports } = await journeyCompound(t, {
    ...{ dir, lifts: 0, devices: 0 },
    caregivers: [],
    site: {
      buildings: [{ id: 'b3', name: words('3 号楼', 'Building 3') }],
      devices: [{ id: 'sos-301', kind: 'sos', name: words('床头按钮', 'Bedside button'), place }],
      notifiers: [
        {
          ...{ id: 'wake', name: words('手机通知', 'Notifications'), driver: 'web-push' },
          options: {
            ...{ subject: 'mailto:it@example.org', publicKey: keys.publicKey },
            privateKey: { file: 'vapid-key' },
          },
        },
      ],
      people: [
        { id: 'control-room', name: '控制室', duty: 'control-room' },
        { id: 'caregiver-a', name: '护理员甲', duty: 'caregiver', channels: [{ notifier: 'wake' }] },
      ],
      elders: [
        {
          ...{ id: 'elder-301', name: '301 室长者', place, devices: ['sos-301'], contacts: ['caregiver-a'] },
          consents: { city: false, health: true, recordedAt: '2026-01-31', recordedBy: '值班员' },
        },
      ],
      scenes: [],
    },
  })
  const home = createFleet({
    ...{ url: `mqtt://127.0.0.1:${ports.mqtt}`, site: demoSite, everyMs: 3000 },
    devices: [{ id: 'sos-301', kind: 'sos' }],
    secrets: compound.deviceSecrets,
  })
  t.teardown(() => home.stop())
  await home.start()
  return { compound, home }
}

/** Chromium's own push service is out of reach here: what it would answer to the page is answered in its place. */
async function answerSubscribing(context: BrowserContext, { subscription }: PushService): Promise<void> {
  await context.addInitScript(`{
    const made = ${JSON.stringify(subscription)}
    const kept = 'subscription-of-the-test'
    const give = () => {
      const key = localStorage.getItem(kept)
      return key === null ? null : {
        endpoint: made.endpoint,
        options: { applicationServerKey: new Uint8Array(JSON.parse(key)).buffer },
        toJSON: () => made,
        unsubscribe: async () => localStorage.removeItem(kept),
      }
    }
    PushManager.prototype.getSubscription = async () => give()
    PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
      localStorage.setItem(kept, JSON.stringify([...applicationServerKey]))
      return give()
    }
  }`)
}

/** Hands a message to the page's service worker, as the browser does when its push service has one. */
async function deliver(page: Page, data: string): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const found = new Promise<string>((resolve) =>
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const [one] = registrations.filter(({ isDeleted }) => !isDeleted)
      if (one) resolve(one.registrationId)
    }),
  )
  await session.send('ServiceWorker.enable')
  const { origin } = new URL(page.url())
  await session.send('ServiceWorker.deliverPushMessage', { origin, registrationId: await found, data })
  await session.detach()
}

t.test(
  'a caregiver allows notifications on the phone, is woken by the button of an elder, and comes to the elder’s page by pressing',
  { timeout: 480_000 },
  async (t) => {
    const dir = t.testdir()
    const service = await startPushService(join(dir, 'push-service'))
    t.teardown(() => service.stop())
    const { compound, home } = await compoundThatPushes(t, dir, service)
    const browser = await launch()
    t.teardown(() => browser.close())
    const open = async () => {
      const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'zh-CN' })
      context.setDefaultTimeout(60_000)
      return context
    }
    const desk = await (await open()).newPage()
    await logIn(desk, compound.consoleUrl, compound.firstPassword!)
    const password = await addAccount(desk, 'care.a', '护理员甲')

    await t.test('where it cannot be, the page says why', async (t) => {
      const context = await open()
      const phone = await context.newPage()
      // Granting one thing is refusing every other.
      await context.grantPermissions(['geolocation'], { origin: compound.consoleUrl })
      await logIn(phone, compound.consoleUrl, password, 'care.a', '/elders')
      await phone.getByText('通知已被本机禁止').waitFor()
      t.pass('notifications are blocked')
      await context.grantPermissions(['notifications'], { origin: compound.consoleUrl })
      await phone.reload()
      await phone.getByRole('button', { name: '开启本机通知' }).click()
      await phone.getByText('浏览器连不上它的推送服务').waitFor()
      t.pass('the service worker stands, and the push service is out of reach')
      await context.close()
    })

    const context = await open()
    await context.grantPermissions(['notifications'], { origin: compound.consoleUrl })
    await answerSubscribing(context, service)
    const phone = await context.newPage()
    await logIn(phone, compound.consoleUrl, password, 'care.a', '/elders')
    await phone.getByText('本机通知未开').waitFor()
    await phone.getByRole('button', { name: '开启本机通知' }).click()
    await phone.getByText('本机通知未开').waitFor({ state: 'detached' })
    await phone.getByRole('link', { name: '账号' }).click()
    await phone.getByText('本机通知已开').waitFor()

    await home.happen('sos-301', 'press')
    const message = await until('the push service has it', () => service.received[0], 60_000)
    const { title, elder, severity } = JSON.parse(message)
    t.match(title, /301 室长者/)
    t.same({ elder, severity }, { elder: 'elder-301', severity: 'critical' })

    await deliver(phone, message)
    const notifications = 'navigator.serviceWorker.ready.then((worker) => worker.getNotifications())'
    const shown = await until('it is shown', () =>
      phone.evaluate(`${notifications}.then(([one]) => one && [one.title, one.requireInteraction])`),
    )
    t.same(shown, [title, true])
    await context.serviceWorkers()[0]!.evaluate(`registration.getNotifications().then(([notification]) => {
      dispatchEvent(new NotificationEvent('notificationclick', { notification }))
    })`)
    await phone.waitForURL('**/elders/elder-301')
    await phone.getByRole('heading', { name: '301 室长者' }).waitFor()
    t.pass('the notification leads to the page of the elder')

    await phone.getByRole('button', { name: '退出' }).click()
    await phone.waitForURL('**/login')
    await logIn(phone, compound.consoleUrl, password, 'care.a', '/elders')
    await phone.getByText('本机通知未开').waitFor()
    t.pass('who logs out is not woken any more')

    await phone.getByRole('button', { name: '开启本机通知' }).click()
    await phone.getByText('本机通知未开').waitFor({ state: 'detached' })
    const card = phone.locator('article.elder')
    await card.getByRole('button', { name: '已解决' }).click()
    await card.getByLabel('处理情况').last().fill('按错了')
    await card.getByRole('button', { name: '提交，已解决' }).click()
    await card.getByText('已处理，现场仍报').waitFor()
    service.forget()
    await home.happen('sos-301', 'press')
    await card.getByText('正在求助').waitFor()
    await phone.goto(`${compound.consoleUrl}/elders/elder-301`)
    await phone.getByText('请在手机上重新允许通知').first().waitFor()
    t.pass('a browser that has gone is told at the alarm')
  },
)
