import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Camera, LiveViewer } from '../core/ports.ts'
import { staff, type Who, whoOf } from './access.ts'
import type { Audit } from './audit.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { notFound, Problem, windowsStayMasked } from './problem.ts'
import { Params } from './query.ts'
import { CameraList, cameraStatusToWire, closeCodes } from './schemas/index.ts'
import type { Sockets } from './sockets.ts'

const SnapshotQuery = Type.Object({
  maxWidth: Type.Optional(Type.Integer({ minimum: 16, maximum: 4096, description: 'pixels' })),
  unmasked: Type.Optional(
    Type.Boolean({ description: 'the windows of a facade camera clear: for admins, and it is recorded' }),
  ),
})

/**
 * `/cameras`: their state, the newest picture, the live picture. Who looked at the live picture is recorded. Cameras that
 * look at windows show coarse squares; an admin may see them clear, and each look is recorded.
 */
export function cameraRoutes(
  app: ApiApp,
  { cameras, site, facades }: ApiOptions,
  sockets: Sockets,
  audit: Audit,
): void {
  const tags = ['cameras']
  const existing = (id: string): Camera => {
    const camera = cameras.list().find((one) => one.id === id)
    if (!camera) throw notFound('camera', id)
    return camera
  }
  /** Pictures being encoded: viewers that ask together share one. */
  const encoding = new Map<string, Promise<Uint8Array | undefined>>()
  const snapshot = (camera: Camera, maxWidth: number | undefined, isMasked: boolean) => {
    const key = `${camera.id} ${maxWidth} ${isMasked}`
    const running =
      encoding.get(key) ??
      camera.snapshot({ ...(maxWidth === undefined ? {} : { maxWidth }), ...(isMasked ? { isMasked } : {}) })
    encoding.set(key, running)
    return running.finally(() => encoding.delete(key))
  }

  const isFacade = (camera: string) => facades?.calibration(camera) !== undefined
  /** How a picture is shown. @throws Problem 403 where windows are asked for clear and not allowed */
  const shown = (camera: string, isClearAsked: boolean, who: Who): 'as-it-is' | 'masked' | 'unmasked' => {
    if (!isFacade(camera)) return 'as-it-is'
    if (!isClearAsked) return 'masked'
    if (who.role !== 'admin') throw windowsStayMasked()
    return 'unmasked'
  }
  const asksClear = (request: FastifyRequest) =>
    new URL(request.url, 'http://gateway').searchParams.get('unmasked') === 'true'

  app.get(
    '/cameras',
    { config: { access: staff }, schema: { summary: 'Cameras and their state', tags, response: { 200: CameraList } } },
    async () => ({
      items: cameras.list().map((camera) => {
        const known = site.cameras.find((one) => one.id === camera.id)
        return {
          ...cameraStatusToWire(camera.status()),
          name: known?.name ?? { zh: camera.id, en: camera.id },
          ...(isFacade(camera.id) ? { isFacade: true as const } : {}),
          ...(known?.lift ? { lift: known.lift } : {}),
        }
      }),
    }),
  )

  app.get(
    '/cameras/:id/snapshot',
    {
      config: { access: staff },
      schema: {
        summary: 'The newest picture',
        tags,
        params: Params,
        querystring: SnapshotQuery,
        response: {
          200: {
            description: 'JPEG',
            content: { 'image/jpeg': { schema: Type.Unsafe<Buffer>({ type: 'string', format: 'binary' }) } },
          },
          ...problems(404, 503),
        },
      },
    },
    async (request, reply) => {
      const camera = existing(request.params.id)
      const who = whoOf(request)
      const { maxWidth, unmasked = false } = request.query
      const how = shown(camera.id, unmasked, who)
      const picture = await snapshot(camera, maxWidth, how === 'masked')
      if (how === 'unmasked') audit.look('picture-unmasked', who.id, who.actor, { id: camera.id, camera: camera.id })
      if (!picture) throw new Problem(503, 'unavailable', `camera ${camera.id} has no picture yet`)
      return reply.type('image/jpeg').header('cache-control', 'no-store').send(Buffer.from(picture))
    },
  )

  sockets.route(app, {
    url: '/cameras/:id/live',
    access: staff,
    schema: {
      summary: 'WebSocket of the live picture',
      description:
        'Binary MPEG-TS (MPEG-1 video) chunks for JSMpeg. A slow viewer loses chunks, not the connection. `?unmasked=true`: the windows of a facade camera clear, for admins.',
      tags,
      params: Params,
      response: problems(404),
    },
    check(request) {
      const { id } = existing((request.params as { id: string }).id)
      shown(id, asksClear(request), whoOf(request))
    },
    open: (socket, request, who) => {
      const camera = existing((request.params as { id: string }).id)
      const how = shown(camera.id, asksClear(request), who)
      const viewer: LiveViewer = {
        send: (chunk) => {
          if (socket.readyState === socket.OPEN) socket.send(chunk, { binary: true })
        },
        get bufferedBytes() {
          return socket.bufferedAmount
        },
        // A close reason has at most 123 bytes.
        close: (reason) => socket.close(closeCodes.tryAgain, reason.slice(0, 40)),
      }
      const leave = camera.watch(viewer, { isMasked: how === 'masked' })
      socket.on('close', leave)
      audit.look(how === 'unmasked' ? 'live-unmasked' : 'live-viewed', who.id, who.actor, {
        id: camera.id,
        camera: camera.id,
      })
    },
  })
}
