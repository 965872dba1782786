import websocket from '@fastify/websocket'
import type { FastifyRequest, FastifySchema } from 'fastify'
import type { WebSocket } from 'ws'
import { type Access, type Who, whoOf } from './access.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiLimits } from './options.ts'
import { Problem, tooMany } from './problem.ts'
import { closeCodes, ErrorBody } from './schemas/index.ts'
import type { SessionKeeper } from './session-keeper.ts'

export interface SocketRoute {
  url: string
  access: Access
  schema: FastifySchema
  /** Throws a Problem where the upgrade is to be refused. */
  check?(request: FastifyRequest): void
  open(socket: WebSocket, request: FastifyRequest, who: Who): void
}

export interface Sockets {
  /** Declares a WebSocket. It ends with its session, with a silent peer and with the gateway. */
  route(app: ApiApp, route: SocketRoute): void
  readonly size: number
}

/** Bytes a client may send in one message; nothing it sends is read. */
const maxPayload = 1024
/** How long a peer may take to answer a close before it is cut. */
const closeWithinMs = 1000

/**
 * The one way to a WebSocket: fastify's router and guard answer the upgrade (401 without a session, 403 from another
 * origin), and what was opened is watched until it closes.
 *
 *   open ──▶ pinged every `pingMs` ──▶ closed: by the peer · session ended (4401) · silent (cut) · gateway stops (1001)
 */
export async function createSockets(app: ApiApp, sessions: SessionKeeper, limits: ApiLimits): Promise<Sockets> {
  const open = new Map<WebSocket, { who: Who; silentPings: number }>()
  let isClosing = false

  const tick = () => {
    for (const [socket, state] of open) {
      const { session } = state.who
      if (session && !sessions.use(session.tokenHash)) socket.close(closeCodes.sessionEnded, 'the session ended')
      else if (state.silentPings * limits.pingMs >= limits.silentMs) socket.terminate()
      else {
        state.silentPings++
        socket.ping()
      }
    }
  }
  const timer = setInterval(tick, limits.pingMs)
  const forget = sessions.onEnded((ended) => {
    for (const [socket, { who }] of open) {
      const isIts = 'userId' in ended ? who.id === ended.userId : who.session?.tokenHash === ended.tokenHash
      if (isIts) socket.close(closeCodes.sessionEnded, 'the session ended')
    }
  })

  await app.register(websocket, {
    options: { maxPayload, perMessageDeflate: false },
    errorHandler: (_error, socket) => socket.terminate(),
    preClose: (done) => {
      isClosing = true
      clearInterval(timer)
      forget()
      for (const socket of open.keys()) socket.close(closeCodes.goingAway, 'the gateway stops')
      const cut = setTimeout(() => {
        for (const socket of open.keys()) socket.terminate()
        done()
      }, closeWithinMs)
      const whenEmpty = () => {
        if (open.size > 0) return
        clearTimeout(cut)
        done()
      }
      for (const socket of open.keys()) socket.once('close', whenEmpty)
      whenEmpty()
    },
  })

  return {
    get size() {
      return open.size
    },
    route(routes, { url, access, schema, check, open: onOpen }) {
      routes.route({
        method: 'GET',
        url,
        config: { access },
        schema: {
          ...schema,
          response: {
            101: { description: 'WebSocket', type: 'null' },
            426: { description: 'not an upgrade', content: { 'application/json': { schema: ErrorBody } } },
            ...problems(429),
            ...(schema.response as object),
          },
        },
        preHandler: async (request) => {
          if (!request.ws) return
          if (isClosing) throw new Problem(503, 'unavailable', 'the gateway stops')
          if (open.size >= limits.maxSockets) throw tooMany('too many live connections', limits.pingMs)
          check?.(request)
        },
        handler: async () => {
          throw new Problem(426, 'invalid', 'this is a WebSocket: ask with Upgrade', {
            headers: { upgrade: 'websocket' },
          })
        },
        wsHandler: (socket, request) => {
          const who = whoOf(request)
          const state = { who, silentPings: 0 }
          open.set(socket, state)
          socket.on('close', () => open.delete(socket))
          socket.on('pong', () => {
            state.silentPings = 0
          })
          onOpen(socket, request, who)
        },
      })
    },
  }
}
