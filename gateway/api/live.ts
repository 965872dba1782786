import { Type } from 'typebox'
import { staffAndBridge, whoOf } from './access.ts'
import type { LiveFeed } from './live-feed.ts'
import type { ApiApp } from './options.ts'
import type { Sockets } from './sockets.ts'

const Query = Type.Object({
  after: Type.Optional(Type.Integer({ minimum: 0, description: 'last seq seen; without it the feed starts now' })),
})

/** `GET /live`: everything that happens, as it happens, without gaps. */
export function liveRoutes(app: ApiApp, sockets: Sockets, feed: LiveFeed): void {
  sockets.route(app, {
    url: '/live',
    access: staffAndBridge,
    schema: {
      summary: 'WebSocket of everything that happens, resumed after a seq',
      description:
        'Sends LiveMessage texts: hello, then every journal entry after `after`, then new entries, camera states and ' +
        'pings. A viewer with more than 1 MB unsent is closed with 1013 and resumes by seq; 4401: the session ended.',
      tags: ['live'],
      querystring: Query,
    },
    open: (socket, request) =>
      feed.attach(socket, (request.query as { after?: number }).after, whoOf(request).role === 'bridge'),
  })
}
