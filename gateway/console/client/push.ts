import { ApiProblem, type Http } from './http.ts'

/**
 * Whether this browser is woken for alarms of who is logged in, or why it cannot be:
 *
 *   no-channel   the site sends nothing this way
 *   no-person    nobody would be told on this account: its person is not in the site file, or not on this channel
 *   no-https     browsers allow it on HTTPS pages (and on their own machine) only
 *   home-screen  iPhones allow it to pages on the home screen only
 *   unsupported  the browser has no Web Push
 *   blocked      the person, or who manages the phone, has said no; only the browser's settings can change that
 *   off, on
 */
export type PushState =
  | 'no-channel'
  | 'no-person'
  | 'no-https'
  | 'home-screen'
  | 'unsupported'
  | 'blocked'
  | 'off'
  | 'on'

/** What kept this browser from being woken. */
export class PushProblem extends Error {
  readonly reason: 'dismissed' | 'no-service'
  constructor(reason: 'dismissed' | 'no-service', cause?: unknown) {
    super(reason, { cause })
    this.name = 'PushProblem'
    this.reason = reason
  }
}

export interface Push {
  /** Looks, and where it is on tells the gateway again: it may have forgotten this browser, or another account used it. */
  state(): Promise<PushState>
  /** Must be called by a press: browsers ask nobody otherwise. @throws PushProblem, ApiProblem */
  turnOn(): Promise<void>
  turnOff(): Promise<void>
}

interface Key {
  publicKey: string
  isTold: boolean
}

const workerFile = '/service-worker.js'
/** Browsers that cannot reach their push service go on trying and say nothing. */
const subscribeWithinMs = 20_000

export function createPush(http: Pick<Http, 'get' | 'post' | 'delete'>): Push {
  const subscription = async () => (await navigator.serviceWorker.getRegistration('/'))?.pushManager.getSubscription()

  return {
    async state() {
      const key = await http.get<Key>('/push/key').catch((error) => {
        if (error instanceof ApiProblem && error.status === 404) return undefined
        throw error
      })
      if (!key) return 'no-channel'
      if (!key.isTold) return 'no-person'
      if (!window.isSecureContext) return 'no-https'
      const isAble = 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window
      if (!isAble) return /iPhone|iPad|iPod/.test(navigator.userAgent) ? 'home-screen' : 'unsupported'
      if (Notification.permission === 'denied') return 'blocked'
      const found = await subscription()
      if (!found || !isOf(found, key.publicKey)) return 'off'
      await http.post('/push/subscriptions', wire(found))
      return 'on'
    },

    async turnOn() {
      // First of all: some browsers ask only while the press is still being handled.
      if ((await Notification.requestPermission()) !== 'granted') throw new PushProblem('dismissed')
      const { publicKey } = await http.get<Key>('/push/key')
      await navigator.serviceWorker.register(workerFile, { scope: '/' })
      const { pushManager } = await navigator.serviceWorker.ready
      const known = await pushManager.getSubscription()
      // With another key than the site's it would stay silent.
      if (known && !isOf(known, publicKey)) await known.unsubscribe()
      const subscribed = pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(publicKey) })
      const made = await Promise.race([subscribed, timeout(subscribeWithinMs)]).catch((error) => {
        throw new PushProblem('no-service', error)
      })
      await http.post('/push/subscriptions', wire(made))
    },

    async turnOff() {
      if (!('serviceWorker' in navigator)) return
      const found = await subscription()
      if (!found) return
      const { endpoint } = found
      // The phone is silent at once, whether or not the gateway hears of it: its next push is answered 410.
      await found.unsubscribe()
      await http.delete('/push/subscriptions', { endpoint })
    },
  }
}

/** A pressed notification says which page is wanted. */
export function onNotificationPressed(show: (page: string) => void): void {
  if (!('serviceWorker' in navigator)) return
  navigator.serviceWorker.addEventListener('message', ({ data }) => {
    const page: unknown = data?.open
    if (typeof page === 'string' && /^\/(?!\/)/.test(page)) show(page)
  })
}

function wire(subscription: PushSubscription) {
  const { endpoint, keys } = subscription.toJSON()
  return { endpoint, keys: { p256dh: keys?.p256dh, auth: keys?.auth } }
}

function isOf(subscription: PushSubscription, publicKey: string): boolean {
  const own = subscription.options.applicationServerKey
  const expected = bytesOf(publicKey)
  return own !== null && expected.every((byte, index) => byte === new Uint8Array(own)[index])
}

function timeout(ms: number): Promise<never> {
  return new Promise((_, reject) => window.setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms))
}

/** Bytes of base64url. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(plain, (character) => character.charCodeAt(0))
}
