import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type ClipFile, readClipFile } from './clip-file.ts'
import { type DigestAlgorithm, digestChallenge, isAuthorised, type Users } from './digest.ts'
import { createMount, type Damage, type Mount, type Player } from './mount.ts'
import { type RtspRequest, readRequests, respond } from './rtsp-connection.ts'

export interface RtspServerOptions {
  /** Loopback unless said otherwise. */
  host?: string
  /** 0 takes a free one. */
  port?: number
  /** Who may watch every mount that names nobody itself; absent: everybody. */
  users?: Users
  /** Offered in this order. FFmpeg 5 takes the last and knows only MD5. */
  algorithms?: readonly DigestAlgorithm[]
  ffmpegPath?: string
}

export interface MountOptions {
  file: string
  /** Default true. A clip that does not loop begins with its first receiver and hangs up at its end. */
  loop?: boolean
  /** Where in the clip to begin, milliseconds. */
  startAtMs?: number
  users?: Users
}

/** Cameras over RTSP 1.0 (RFC 2326), TCP interleaved, each a video file that plays in real time. */
export interface RtspServer {
  readonly port: number
  /** `rtsp://host:port/path`, without credentials. */
  url(path: string): string
  /** @throws Error when the file cannot be read or the path is taken */
  mount(path: string, options: MountOptions): Promise<void>
  /**
   * Shows another clip of the same codec from its first picture; timestamps go on. With `loop: false` the clip shown
   * before comes back at its end.
   * @returns when the first picture of the new clip was sent, epoch ms (at once when nobody watches)
   */
  switchTo(path: string, file: string, options?: { loop?: boolean }): Promise<number>
  /** Pulls the cable: connections break, new ones break at their first request for this path. */
  unplug(path: string): void
  /** Undoes unplug, stall and corrupt. */
  replug(path: string): void
  /** Connections stay, pictures stop; with `'everything'` requests go unanswered too. */
  stall(path: string, what?: 'media' | 'everything'): void
  /** Damages (or loses) this share of RTP packets; 0 heals. */
  corrupt(path: string, share: number, options?: { by?: Damage['by']; random?: () => number }): void
  /** How many receive this path now. */
  playerCount(path: string): number
  /** How many ever began to receive this path. */
  sessionCount(path: string): number
  close(): Promise<void>
}

interface Path {
  mount: Mount
  users: Users | undefined
  isUnplugged: boolean
  isMute: boolean
  sessions: number
  sockets: Set<Socket>
}

const methods = 'OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER'

/** Listens; resolves when connections are taken. */
export async function createRtspServer(options: RtspServerOptions = {}): Promise<RtspServer> {
  const host = options.host ?? '127.0.0.1'
  const algorithms = options.algorithms ?? ['MD5']
  const paths = new Map<string, Path>()
  const clips = new Map<string, Promise<ClipFile>>()
  const sockets = new Set<Socket>()

  /** A file is read once for all mounts, and again when it has changed. */
  const clipOf = async (file: string): Promise<ClipFile> => {
    const { mtimeMs, size } = await stat(file)
    const key = `${file} ${mtimeMs} ${size}`
    const known = clips.get(key)
    if (known) return known
    const reading = readClipFile(file, options.ffmpegPath)
    clips.set(key, reading)
    reading.catch(() => clips.delete(key))
    return reading
  }

  const pathOf = (name: string): Path => {
    const path = paths.get(plain(name))
    if (!path) throw new Error(`no camera is mounted at ${name}`)
    return path
  }

  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    const nonce = randomBytes(16).toString('hex')
    const session = randomBytes(8).toString('hex')
    let path: Path | undefined
    let player: Player | undefined
    const leave = () => {
      if (path && player) path.mount.leave(player)
      player = undefined
    }
    socket.on('error', () => {})
    socket.on('close', () => {
      leave()
      path?.sockets.delete(socket)
      sockets.delete(socket)
    })

    readRequests(socket, (request) => {
      const name = plain(pathname(request.url))
      const wanted = paths.get(name) ?? paths.get(name.replace(/\/[^/]*$/, ''))
      if (wanted?.isUnplugged) return void socket.destroy()
      if (wanted?.isMute) return
      const ok = (headers: Array<readonly [string, string]> = [], body?: string) =>
        respond(socket, request, { status: 200, reason: 'OK', headers, ...(body === undefined ? {} : { body }) })
      const refuse = (status: number, reason: string) => respond(socket, request, { status, reason })

      if (request.method === 'OPTIONS') return ok([['Public', methods]])
      if (!wanted) return refuse(404, 'Not Found')
      if (path && path !== wanted) return refuse(459, 'Aggregate Operation Not Allowed')
      const users = wanted.users ?? options.users
      if (
        users &&
        !isAuthorised(request.headers.get('authorization') ?? '', { method: request.method, nonce, users })
      ) {
        const challenges = algorithms.map((algorithm) => digestChallenge('Camera', nonce, algorithm))
        const headers = challenges.map((value) => ['WWW-Authenticate', value] as const)
        return respond(socket, request, { status: 401, reason: 'Unauthorized', headers })
      }
      path = wanted
      path.sockets.add(socket)

      switch (request.method) {
        case 'DESCRIBE': {
          const headers = [['Content-Type', 'application/sdp'] as const, ['Content-Base', `${request.url}/`] as const]
          return ok(headers, describe(path.mount.clip, host))
        }
        case 'SETUP': {
          const channel = interleavedChannel(request)
          if (channel === undefined) return refuse(461, 'Unsupported Transport')
          leave()
          player = { socket, channel, isStarted: false }
          const transport = `RTP/AVP/TCP;unicast;interleaved=${channel}-${channel + 1}`
          return ok([
            ['Transport', transport],
            ['Session', `${session};timeout=60`],
          ])
        }
        case 'PLAY': {
          if (!player) return refuse(455, 'Method Not Valid in This State')
          ok([['Session', session]])
          path.sessions++
          return path.mount.join(player)
        }
        case 'PAUSE':
          if (player) path.mount.leave(player)
          return ok([['Session', session]])
        case 'TEARDOWN':
          leave()
          ok([['Session', session]])
          return void socket.end()
        case 'GET_PARAMETER':
        case 'SET_PARAMETER':
          return ok([['Session', session]])
        default:
          return refuse(501, 'Not Implemented')
      }
    })
  })

  server.listen(options.port ?? 0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  return {
    port,
    url: (path) => `rtsp://${host.includes(':') ? `[${host}]` : host}:${port}/${plain(path)}`,
    async mount(name, { file, loop = true, startAtMs = 0, users }) {
      const clip = await clipOf(file)
      if (paths.has(plain(name))) throw new Error(`a camera is already mounted at ${name}`)
      const mount = createMount(clip, { isLooped: loop, startAtMs, now: () => performance.now() })
      paths.set(plain(name), { mount, users, isUnplugged: false, isMute: false, sessions: 0, sockets: new Set() })
    },
    async switchTo(name, file, { loop = true } = {}) {
      const path = pathOf(name)
      return path.mount.show(await clipOf(file), loop)
    },
    unplug(name) {
      const path = pathOf(name)
      path.isUnplugged = true
      path.mount.hangUp()
      for (const socket of path.sockets) socket.destroy()
    },
    replug(name) {
      const path = pathOf(name)
      path.isUnplugged = false
      path.isMute = false
      path.mount.damage(undefined)
      path.mount.resume()
    },
    stall(name, what = 'media') {
      const path = pathOf(name)
      path.isMute = what === 'everything'
      path.mount.stall()
    },
    corrupt(name, share, { by = 'damage', random = Math.random } = {}) {
      pathOf(name).mount.damage(share > 0 ? { share, by, random } : undefined)
    },
    playerCount: (name) => pathOf(name).mount.playerCount,
    sessionCount: (name) => pathOf(name).sessions,
    async close() {
      for (const { mount } of paths.values()) mount.hangUp()
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** `/cam1/` → `cam1`. */
function plain(path: string): string {
  return path.replace(/^\/+|\/+$/g, '')
}

function pathname(url: string): string {
  return decodeURIComponent(url.replace(/^rtsp:\/\/[^/]*/i, '').replace(/\?.*$/, ''))
}

function describe(clip: ClipFile, host: string): string {
  const family = host.includes(':') ? 'IP6' : 'IP4'
  return [
    'v=0\r\n',
    `o=- 1 1 IN ${family} ${host}\r\n`,
    's=Camera\r\n',
    `c=IN ${family} ${family === 'IP6' ? '::' : '0.0.0.0'}\r\n`,
    't=0 0\r\n',
    'a=control:*\r\n',
    'm=video 0 RTP/AVP 96\r\n',
    clip.sdpFormat,
    'a=control:video\r\n',
  ].join('')
}

/** The channel asked for in `Transport: RTP/AVP/TCP;unicast;interleaved=0-1`; undefined for UDP. */
function interleavedChannel(request: RtspRequest): number | undefined {
  for (const offer of (request.headers.get('transport') ?? '').split(',')) {
    if (!/^RTP\/AVP\/TCP/i.test(offer.trim())) continue
    const channel = Number(offer.match(/interleaved=(\d+)/i)?.[1] ?? 0)
    if (channel < 255) return channel
  }
  return undefined
}
