import { createSocket, type Socket } from 'node:dgram'
import { isIPv4 } from 'node:net'
import { type Static, Type } from 'typebox'
import { DeliveryError } from '../core/errors.ts'
import { silenceByte } from './g711.ts'
import { pace } from './pace.ts'
import { createRtpStream, rtpPayloadType } from './rtp.ts'
import { defineSpeaker, LeadSilenceMs, requireClip, stoppedReport } from './speaker.ts'

const Options = Type.Object(
  {
    address: Type.String({
      minLength: 1,
      description: 'IPv4 group the speakers listen on (239.x.y.z), or the address of one speaker.',
    }),
    port: Type.Integer({ minimum: 1, maximum: 65_535, default: 5004 }),
    codec: Type.Union([Type.Literal('pcmu'), Type.Literal('pcma')], {
      default: 'pcmu',
      description: 'G.711 µ-law (payload type 0) or A-law (8).',
    }),
    ttl: Type.Integer({
      minimum: 0,
      maximum: 255,
      default: 1,
      description: 'Routers a multicast packet may pass, plus 1.',
    }),
    interface: Type.Optional(Type.String({ description: 'IPv4 address of the network card multicast leaves by.' })),
    leadSilenceMs: LeadSilenceMs,
  },
  { additionalProperties: false },
)
type Options = Static<typeof Options>

const packetMs = 20
const packetBytes = 160
/** A receiver's buffer has run dry by then: the rest starts as a new talkspurt instead of arriving late. */
const gapAfterMs = 80

/**
 * Paging as SIP speakers of most makers take it: plain RTP (RFC 3550, RFC 3551) with G.711 in packets of 20 ms, no
 * signalling. Nothing comes back, so the report says that receipt is not confirmed. No RTCP is sent: such speakers do
 * not listen to it, and the paging port has no odd neighbour reserved for it.
 */
export const rtpMulticast = defineSpeaker<Options>({
  kind: 'rtp-multicast',
  options: Options,
  create(options, context) {
    const isGroup = isIPv4(options.address) && Number(options.address.split('.')[0]) >> 4 === 14
    const stream = createRtpStream({ payloadType: rtpPayloadType[options.codec], random: context.random })
    const how = { encoding: options.codec, leadSilenceMs: options.leadSilenceMs }
    const where = `${options.address}:${options.port}`
    const silence = silenceByte[options.codec]
    let socket: Socket | undefined
    let opening: Promise<Socket> | undefined
    let onFailure: ((error: Error) => void) | undefined
    /** Monotonic end of the sound before, to which the timestamp has run. */
    let timestampAt = performance.now()

    const failure = (cause: Error) =>
      new DeliveryError(`RTP to ${where} failed: ${cause.message}`, {
        retryable: true,
        cause,
        phrase: { key: 'unreachable' },
        hint: isGroup
          ? 'Check that the network card is up; name it with `interface` where there are several.'
          : 'Check that the speaker is on the network and listens on this port.',
      })

    const drop = (gone: Socket) => {
      if (socket === gone) socket = undefined
      try {
        gone.close()
      } catch {
        // Closed already.
      }
    }

    /** Connected, so that sending needs no look-up and a closed port of a single speaker is reported back. */
    const connect = () =>
      new Promise<Socket>((resolve, reject) => {
        const opened = createSocket({ type: 'udp4' })
        opened.unref()
        const refuse = (error: Error) => {
          drop(opened)
          reject(failure(error))
        }
        opened.once('error', refuse)
        opened.bind(0, isGroup ? options.interface : undefined, () => {
          try {
            if (isGroup) opened.setMulticastTTL(options.ttl)
            if (isGroup && options.interface) opened.setMulticastInterface(options.interface)
          } catch (error) {
            return refuse(error as Error)
          }
          opened.connect(options.port, options.address, (error?: Error) => {
            if (error) return refuse(error)
            opened.off('error', refuse)
            opened.on('error', (error) => {
              drop(opened)
              onFailure?.(error)
            })
            socket = opened
            resolve(opened)
          })
        })
      })

    const open = (): Promise<Socket> => {
      opening ??= connect().finally(() => {
        opening = undefined
      })
      return opening
    }

    return {
      id: context.id,
      async open() {
        for (const name of context.clips.list()) context.clips.clip(name, how)
        if (!socket) await open()
      },
      async play(name, signal) {
        const clip = requireClip(context.clips, name, how)
        const out = socket ?? (await open())
        const failed = new AbortController()
        let cause: Error | undefined
        onFailure = (error) => {
          cause ??= error
          failed.abort()
        }
        const onSent = (error: Error | null) => {
          if (error) onFailure?.(error)
        }

        const startedAt = context.now()
        const begun = performance.now()
        stream.skip((begun - timestampAt) * 8)
        let isNewTalkspurt = true
        const playing = pace({
          steps: Math.ceil(clip.data.length / packetBytes),
          intervalMs: packetMs,
          gapAfterMs,
          signal: AbortSignal.any([signal, failed.signal]),
          step({ index, gapMs }) {
            stream.skip(gapMs * 8)
            let payload = clip.data.subarray(index * packetBytes, (index + 1) * packetBytes)
            if (payload.length < packetBytes) {
              const padded = new Uint8Array(packetBytes).fill(silence)
              padded.set(payload)
              payload = padded
            }
            out.send(stream.packet(payload, { marker: isNewTalkspurt || gapMs > 0 }), onSent)
            isNewTalkspurt = false
          },
        })
        // `send` throws where the socket was closed meanwhile.
        const sent = await playing.catch((error: Error) => {
          cause ??= error
          return 0
        })
        timestampAt = performance.now()
        onFailure = undefined
        if (cause) {
          drop(out)
          throw failure(cause)
        }
        const report = {
          isAccepted: sent > 0,
          bytesSent: sent * packetBytes,
          startedAt,
          endedAt: startedAt + (timestampAt - begun),
          phrases: [{ key: 'unconfirmed' }],
          deviceReply: `${isGroup ? 'multicast' : 'RTP'}: receipt is not confirmed`,
        }
        return signal.aborted ? stoppedReport(report, clip.durationMs) : report
      },
      async close() {
        await opening?.catch(() => undefined)
        if (socket) drop(socket)
      },
    }
  },
})
