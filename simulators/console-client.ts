import WebSocket from 'ws'

/** What a browser does at the console's API: log in, ask, act, watch the live feed. */
export interface ConsoleClient {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
  file(path: string): Promise<{ type: string; bytes: Buffer }>
  /** Calls back for every message of the live feed; returns the function that ends it. */
  watch(onMessage: (message: LiveMessage) => void, after?: number): Promise<() => void>
}

export type LiveMessage = {
  type: string
  lastSeq?: number
  entry?: {
    seq: number
    at: string
    topic: string
    subject: string
    transition: string
    data: Record<string, unknown>
  }
}

/** Logs in over HTTP. @throws Error with the gateway's answer */
export async function logIn(url: string, name: string, password: string): Promise<ConsoleClient> {
  const login = await fetch(`${url}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password }),
  })
  if (!login.ok) throw new Error(`login was answered ${login.status}: ${await login.text()}`)
  const cookie = login.headers.getSetCookie()[0]!.split(';')[0]!
  const { csrfToken } = (await login.json()) as { csrfToken: string }

  async function request(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        cookie,
        ...(method === 'GET' ? {} : { 'x-csrf-token': csrfToken, 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${await response.text()}`)
    return response
  }
  return {
    get: async <T>(path: string) => (await (await request('GET', path)).json()) as T,
    post: async <T>(path: string, body: unknown = {}) => (await (await request('POST', path, body)).json()) as T,
    async file(path) {
      const response = await request('GET', path)
      return { type: response.headers.get('content-type') ?? '', bytes: Buffer.from(await response.arrayBuffer()) }
    },
    async watch(onMessage, after) {
      const socket = new WebSocket(
        `${url.replace(/^http/, 'ws')}/api/v1/live${after === undefined ? '' : `?after=${after}`}`,
        {
          headers: { cookie, origin: url },
        },
      )
      socket.on('message', (data) => onMessage(JSON.parse(String(data))))
      await new Promise<void>((resolve, reject) => {
        socket.once('open', () => resolve())
        socket.once('error', reject)
      })
      return () => socket.terminate()
    },
  }
}
