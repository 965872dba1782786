import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { type Static, Type } from 'typebox'
import type { Phrase } from '../core/alarm.ts'
import { DeliveryError } from '../core/errors.ts'
import { type DigestChallenge, digestAuthorization, readDigestChallenge } from './digest.ts'
import { pace } from './pace.ts'
import { defineSpeaker, LeadSilenceMs, requireClip, SecretReference, stoppedReport } from './speaker.ts'

const Options = Type.Object(
  {
    url: Type.String({ pattern: '^https?://[^/@]+$', description: 'Address of the device: http://192.0.2.20' }),
    username: Type.String({ minLength: 1 }),
    password: SecretReference,
    certificate: Type.Union([Type.Literal('trusted'), Type.Literal('any')], {
      default: 'trusted',
      description: 'https only: `any` also takes the self-signed certificate devices come with.',
    }),
    answerWithinMs: Type.Integer({
      minimum: 100,
      maximum: 30_000,
      default: 3000,
      description: 'Without a connection or an answer for this long the device counts as unreachable.',
    }),
    leadSilenceMs: LeadSilenceMs,
  },
  { additionalProperties: false },
)
type Options = Static<typeof Options>

const path = '/axis-cgi/audio/transmit.cgi'
const chunkMs = 20
const chunkBytes = 160
const gapAfterMs = 500

type Outcome = { status: number; authenticate: string } | { closed: Error | undefined }

/**
 * Axis network speakers and cameras (VAPIX audio API): one POST of G.711 µ-law, in real time, because the device plays
 * as it receives. Axis answers an accepted sound with 200 or 204, or by closing the connection.
 */
export const vapix = defineSpeaker<Options>({
  kind: 'vapix',
  options: Options,
  create(options, context) {
    const isSecure = options.url.startsWith('https:')
    const how = { encoding: 'pcmu', leadSilenceMs: options.leadSilenceMs } as const
    let challenge: DigestChallenge | 'basic' | undefined
    let count = 0

    const problem = (message: string, how: { retryable: boolean; hint: string; phrase: Phrase; cause?: unknown }) =>
      new DeliveryError(`${options.url}: ${message}`, how)

    const authorization = (): Record<string, string> => {
      if (!challenge) return {}
      const credentials = { username: options.username, password: context.secret(options.password) }
      if (challenge === 'basic') {
        const token = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')
        return { authorization: `Basic ${token}` }
      }
      count++
      return { authorization: digestAuthorization(challenge, credentials, { method: 'POST', uri: path, count }) }
    }

    /** Takes up a challenge; plain passwords only travel where the connection is encrypted. */
    const accept = (authenticate: string) => {
      count = 0
      challenge =
        readDigestChallenge(authenticate) ?? (isSecure && /^basic\s/i.test(authenticate) ? 'basic' : undefined)
      if (!challenge)
        throw problem('offers no login that can be used', {
          retryable: false,
          phrase: { key: 'no-login' },
          hint: 'Allow digest authentication in the device’s settings.',
        })
    }

    /** Starts the POST; the outcome is the status, or how the connection ended without one. */
    const post = (length: number): { request: ClientRequest; outcome: Promise<Outcome> } => {
      const request = (isSecure ? httpsRequest : httpRequest)(`${options.url}${path}`, {
        method: 'POST',
        agent: false,
        rejectUnauthorized: options.certificate === 'trusted',
        headers: {
          'content-type': 'audio/basic',
          'content-length': length,
          'cache-control': 'no-cache',
          ...authorization(),
        },
      })
      request.setNoDelay(true)
      const outcome = new Promise<Outcome>((resolve) => {
        request.once('response', (response: IncomingMessage) => {
          response.resume()
          resolve({ status: response.statusCode ?? 0, authenticate: response.headers['www-authenticate'] ?? '' })
        })
        request.once('error', (closed) => resolve({ closed }))
        request.once('close', () => resolve({ closed: undefined }))
      })
      return { request, outcome }
    }

    const within = async (outcome: Promise<Outcome>, request: ClientRequest): Promise<Outcome> => {
      const timer = setTimeout(() => request.destroy(new Error('no answer in time')), options.answerWithinMs)
      return outcome.finally(() => clearTimeout(timer))
    }

    /** Asks for a challenge with an empty body, so that no sound is lost to a refusal. */
    const fetchChallenge = async () => {
      const { request, outcome } = post(0)
      request.end()
      const answer = await within(outcome, request)
      if ('closed' in answer) throw unreachable(answer.closed)
      if (answer.status === 401) accept(answer.authenticate)
    }

    const unreachable = (cause: Error | undefined, bytesSent = 0) =>
      problem(
        `${bytesSent > 0 ? `broke off after ${bytesSent} bytes` : 'cannot be reached'}${cause ? `: ${cause.message}` : ''}`,
        {
          retryable: true,
          phrase: bytesSent > 0 ? { key: 'broke-off', bytes: bytesSent } : { key: 'unreachable' },
          cause,
          hint: 'Check the device’s power, network and address.',
        },
      )

    const refused = (status: number) => {
      if (status === 401 || status === 403)
        return problem(`refused the login (HTTP ${status})`, {
          retryable: false,
          phrase: { key: 'login-refused', status },
          hint: 'Check user name and password, and that the user may play audio.',
        })
      if (status === 404)
        return problem('has no audio interface (HTTP 404)', {
          retryable: false,
          phrase: { key: 'no-audio' },
          hint: 'Check the model and its firmware.',
        })
      return problem(`answered HTTP ${status}`, {
        retryable: status >= 500 || status === 408 || status === 429,
        phrase: { key: status === 503 ? 'busy' : 'http-error', status },
        hint: status === 503 ? 'Another client may be using its loudspeaker.' : 'See the device’s own log.',
      })
    }

    return {
      id: context.id,
      async open() {
        for (const name of context.clips.list()) context.clips.clip(name, how)
        if (!challenge) await fetchChallenge()
      },
      async play(name, signal) {
        const clip = requireClip(context.clips, name, how)
        if (!challenge) await fetchChallenge()
        for (let isRetried = false; ; isRetried = true) {
          const { request, outcome } = post(clip.data.length)
          const ended = new AbortController()
          let answer: Outcome | undefined
          void outcome.then((early) => {
            answer = early
            // A device may say yes at once and go on listening.
            if ('closed' in early || early.status >= 300) ended.abort()
          })
          const connecting = setTimeout(
            () => request.destroy(new Error('no connection in time')),
            options.answerWithinMs,
          )
          request.once('socket', (socket) => socket.once('connect', () => clearTimeout(connecting)))
          const startedAt = context.now()
          const sent = await pace({
            steps: Math.ceil(clip.data.length / chunkBytes),
            intervalMs: chunkMs,
            gapAfterMs,
            signal: AbortSignal.any([signal, ended.signal]),
            step: ({ index }) => void request.write(clip.data.subarray(index * chunkBytes, (index + 1) * chunkBytes)),
          })
          clearTimeout(connecting)
          const bytesSent = Math.min(sent * chunkBytes, clip.data.length)
          const report = (deviceReply: string, phrase: Phrase) => ({
            isAccepted: bytesSent > 0,
            phrases: [phrase],
            bytesSent,
            startedAt,
            endedAt: context.now(),
            deviceReply,
          })
          if (signal.aborted && !answer) {
            request.destroy()
            return stoppedReport(report('connection closed', { key: 'closed' }), clip.durationMs)
          }
          const isComplete = bytesSent === clip.data.length
          if (isComplete) request.end()
          const final = answer ?? (await within(outcome, request))
          request.destroy()
          if ('closed' in final) {
            const isHungUp = !final.closed || (final.closed as NodeJS.ErrnoException).code === 'ECONNRESET'
            if (!isComplete || !isHungUp) throw unreachable(final.closed, bytesSent)
            return report('connection closed after the last byte, without an answer', { key: 'unanswered' })
          }
          if (final.status >= 200 && final.status < 300)
            return report(`HTTP ${final.status}`, { key: 'accepted-by-device', status: final.status })
          if (final.status !== 401 || isRetried) throw refused(final.status)
          // A nonce lives for a time only; the refusal brings a new one.
          accept(final.authenticate)
        }
      },
      async close() {},
    }
  },
})
