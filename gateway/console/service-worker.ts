/**
 * Shows what the gateway sends by Web Push, also while no page of the console is open, and opens the page it is about.
 * It keeps no copy of anything: a console that shows what is no longer true is worse than none.
 */
interface Pushed {
  title: string
  text: string
  alarm: string
  severity: string
  language?: string
  /** Whom it concerns, where that is one person. */
  elder?: string
  /** Page with the answer button, for people who are not logged in. */
  link?: string
}

/** What of a service worker's world is used here; the types of pages and of workers cannot be had side by side. */
interface WorkerScope {
  registration: ServiceWorkerRegistration
  clients: {
    matchAll(options: { type: 'window'; includeUncontrolled: boolean }): Promise<WindowClient[]>
    openWindow(url: string): Promise<unknown>
    claim(): Promise<void>
  }
  skipWaiting(): Promise<void>
  addEventListener(
    type: 'install' | 'activate' | 'push' | 'notificationclick',
    listener: (event: WorkerEvent) => void,
  ): void
}
interface WindowClient {
  focus(): Promise<unknown>
  postMessage(message: unknown): void
}
interface WorkerEvent {
  waitUntil(work: Promise<unknown>): void
  data?: { json(): unknown }
  notification: Notification
  action: string
}

const worker = self as unknown as WorkerScope

worker.addEventListener('install', (event) => event.waitUntil(worker.skipWaiting()))
worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()))

worker.addEventListener('push', (event) => {
  const { title, text, alarm, severity, language, elder, link } = read(event)
  const isUrgent = severity === 'critical' || severity === 'high'
  const options = {
    body: text,
    lang: language ?? 'zh-CN',
    icon: '/icon-192.png',
    badge: '/badge-96.png',
    // The newest word about an alarm takes the place of the one before, and sounds again.
    tag: alarm,
    renotify: true,
    requireInteraction: isUrgent,
    vibrate: isUrgent ? [400, 200, 400, 200, 800] : [200],
    data: { page: elder ? `/elders/${encodeURIComponent(elder)}` : `/alarms/${encodeURIComponent(alarm)}`, link },
    actions: link ? [{ action: 'answer', title: language === 'en' ? 'Answer' : '答复' }] : [],
  }
  event.waitUntil(worker.registration.showNotification(title, options))
})

worker.addEventListener('notificationclick', (event) => {
  const { page, link } = event.notification.data as { page: string; link?: string }
  event.notification.close()
  event.waitUntil(event.action === 'answer' && link ? worker.clients.openWindow(link) : show(page))
})

/** In the console that is open already, or in a new one. */
async function show(page: string): Promise<void> {
  const [open] = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true })
  if (!open) {
    await worker.clients.openWindow(page)
    return
  }
  open.postMessage({ open: page })
  await open.focus()
}

/** Browsers punish a push that shows nothing, so one that cannot be read shows that there is something. */
function read(event: WorkerEvent): Pushed {
  try {
    return event.data!.json() as Pushed
  } catch {
    return { title: 'GridGate', text: '有新的告警 / there is a new alarm', alarm: 'unknown', severity: 'high' }
  }
}
