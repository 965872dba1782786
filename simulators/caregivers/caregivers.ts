import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How one caregiver behaves; without `answersAfterMs` they are silent. */
export interface Caregiver {
  /** The topic, number or person id their messages name. */
  id: string
  answersAfterMs?: number
  /** After the answer. */
  arrivesAfterMs?: number
  /** After the arrival. */
  resolvesAfterMs?: number
}

export interface ReceivedMessage {
  at: number
  /** Whom it is for. */
  to: string
  title: string
  text: string
  links: string[]
}

export interface Press {
  at: number
  caregiver: string
  action: 'answered' | 'arrived' | 'resolved'
  /** Of the answer page; 0: it could not be reached. */
  status: number
}

export interface Caregivers {
  /** An ntfy server at `/`, a webhook at `/hook`. */
  url: string
  received: ReceivedMessage[]
  pressed: Press[]
  stop(): Promise<void>
}

const maxKept = 10_000
const maxBytes = 256 * 1024
/** A page that cannot be reached is opened again after so long, as often as this. */
const again = { afterMs: 500, times: 20 } as const

/**
 * Phones of caregivers: takes messages as an ntfy server (POST of JSON with `topic`) and as a webhook, and presses the
 * buttons behind their links as each caregiver would. Speaks public protocols only: JSON, and the answer page's form.
 */
export async function startCaregivers(options: {
  caregivers: readonly Caregiver[]
  port?: number
}): Promise<Caregivers> {
  const received: ReceivedMessage[] = []
  const pressed: Press[] = []
  const timers = new Set<NodeJS.Timeout>()
  const answering = new Set<string>()
  const stopping = new AbortController()

  const later = (ms: number, work: () => Promise<void>) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      void work()
    }, ms)
    timers.add(timer)
  }

  async function press(caregiver: string, link: string, action: Press['action']): Promise<boolean> {
    let status = 0
    for (let time = 0; status === 0 && time < again.times && !stopping.signal.aborted; time++) {
      if (time > 0) await new Promise((resolve) => setTimeout(resolve, again.afterMs))
      try {
        // As a browser does: the page first, then its form.
        await fetch(link, { signal: stopping.signal })
        const answer = await fetch(link, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded', origin: new URL(link).origin },
          body: new URLSearchParams({ action }).toString(),
          redirect: 'manual',
          signal: stopping.signal,
        })
        status = answer.status
      } catch {
        // The gateway may be away for a moment.
      }
    }
    if (stopping.signal.aborted) return false
    if (pressed.length < maxKept) pressed.push({ at: Date.now(), caregiver, action, status })
    return status === 303
  }

  function behave({ id, answersAfterMs, arrivesAfterMs, resolvesAfterMs }: Caregiver, link: string): void {
    if (answersAfterMs === undefined || answering.has(link)) return
    answering.add(link)
    later(answersAfterMs, async () => {
      if (!(await press(id, link, 'answered'))) {
        answering.delete(link)
        return
      }
      if (arrivesAfterMs === undefined) return
      later(arrivesAfterMs, async () => {
        if (!(await press(id, link, 'arrived')) || resolvesAfterMs === undefined) return
        later(resolvesAfterMs, async () => void (await press(id, link, 'resolved')))
      })
    })
  }

  function take(message: ReceivedMessage): void {
    if (received.length >= maxKept) received.shift()
    received.push(message)
    const caregiver = options.caregivers.find(({ id }) => id === message.to)
    if (caregiver) for (const link of message.links) behave(caregiver, link)
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxBytes) chunks.push(chunk)
      else request.destroy()
    })
    request.on('end', () => {
      try {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
        for (const message of request.url === '/hook' ? readWebhook(body) : readNtfy(body)) take(message)
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ id: String(received.length) }))
      } catch {
        response.writeHead(400).end()
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    pressed,
    async stop() {
      stopping.abort()
      for (const timer of timers) clearTimeout(timer)
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function readNtfy({ topic, title, message, click }: Record<string, unknown>): ReceivedMessage[] {
  const links = new Set([...linksIn(String(message ?? '')), ...(typeof click === 'string' ? [click] : [])])
  return [
    { at: Date.now(), to: String(topic), title: String(title ?? ''), text: String(message ?? ''), links: [...links] },
  ]
}

function readWebhook({ to, person, messages }: Record<string, unknown>): ReceivedMessage[] {
  return (messages as Array<{ title: string; text: string; link?: string }>).map(({ title, text, link }) => ({
    ...{ at: Date.now(), to: String(to ?? person), title, text },
    links: link ? [link] : linksIn(text),
  }))
}

function linksIn(text: string): string[] {
  return text.match(/https?:\/\/\S+\/answer\/[\w.-]+/g) ?? []
}
