import { randomUUID } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { DeliveryError } from '../core/errors.ts'
import { defineSpeaker, stoppedReport } from './speaker.ts'

const Options = Type.Object(
  {
    device: Type.Optional(
      Type.String({
        pattern: '^[^/+#]+$',
        description: 'Device part of its topics, where it is not the speaker’s id.',
      }),
    ),
    volume: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100, description: 'Percent; left to the device where it is not given.' }),
    ),
    repeat: Type.Integer({ minimum: 1, maximum: 5, default: 1, description: 'How often the device says it in a row.' }),
    answerWithinMs: Type.Integer({
      minimum: 100,
      maximum: 30_000,
      default: 2000,
      description: 'Without an answer for this long the speaker counts as unreachable.',
    }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof Options>

/** How long after the sound should have ended its end may be reported. */
const graceMs = 3000
/** Where the clip is known to the device only. */
const unknownClipMs = 10_000

type Answer = { type: 'accepted' | 'played' | 'failed'; reqId: string; reason?: string }

/**
 * A speaker that is told what to say over MQTT.
 *
 *   gateway → site/<site>/<device>/down  { type: 'play', reqId, clip, language, text?, volume?, repeat, expiresAt }
 *                                        { type: 'stop', reqId }
 *   speaker → site/<site>/<device>/up    { type: 'accepted' | 'played' | 'failed', reqId, reason? }
 *
 * `expiresAt` (epoch ms) is the instant until which we wait for an answer: a device that was away and gets the message
 * later stays silent, so that a repeat by the gateway is never heard twice.
 */
export const mqtt = defineSpeaker<Options>({
  kind: 'mqtt',
  options: Options,
  create(options, context) {
    const base = `site/${context.site}/${options.device ?? context.id}`
    const waiting = new Map<string, (answer: Answer) => void>()
    let unsubscribe: (() => void) | undefined

    const requirePort = () => {
      if (context.mqtt) return context.mqtt
      throw new DeliveryError('there is no MQTT connection for speakers', {
        retryable: false,
        phrase: { key: 'no-broker' },
      })
    }
    const subscribe = () => {
      unsubscribe ??= requirePort().subscribe(`${base}/up`, (_topic, payload) => {
        const answer = readAnswer(payload)
        if (answer) waiting.get(answer.reqId)?.(answer)
      })
    }
    const send = async (message: Record<string, unknown>) => {
      try {
        await requirePort().publish(`${base}/down`, JSON.stringify(message), { qos: 1 })
      } catch (cause) {
        if (cause instanceof DeliveryError) throw cause
        const hint = 'Check that the broker runs and that the gateway may publish there.'
        const phrase = { key: 'no-broker' }
        throw new DeliveryError(`speaker ${context.id}: the broker took no message`, {
          retryable: true,
          hint,
          phrase,
          cause,
        })
      }
    }

    return {
      id: context.id,
      async open() {
        subscribe()
      },
      async play(name, signal) {
        subscribe()
        const reqId = randomUUID()
        const answers = createAnswers(signal)
        waiting.set(reqId, answers.take)
        const startedAt = context.now()
        const clip = context.clips.clip(name, { encoding: 'pcmu', leadSilenceMs: 0 })
        const durationMs = (clip?.durationMs ?? unknownClipMs) * options.repeat
        const text = context.clips.text(name)
        const message = {
          ...{ type: 'play', reqId, clip: name.id, language: name.language, repeat: options.repeat },
          ...(text === undefined ? {} : { text }),
          ...(options.volume === undefined ? {} : { volume: options.volume }),
          expiresAt: startedAt + options.answerWithinMs,
        }
        const report = (deviceReply: string, key: string) => ({
          isAccepted: true,
          phrases: [{ key }],
          bytesSent: JSON.stringify(message).length,
          startedAt,
          endedAt: context.now(),
          deviceReply,
        })
        try {
          await send(message)
          const first = await answers.next(options.answerWithinMs)
          if (first === 'nothing')
            throw new DeliveryError(`speaker ${context.id} did not answer within ${options.answerWithinMs} ms`, {
              retryable: true,
              phrase: { key: 'no-answer', withinMs: options.answerWithinMs },
              hint: 'Check its power and its MQTT connection.',
            })
          const last = first === 'accepted' ? await answers.next(durationMs + graceMs) : first
          if (last === 'aborted') {
            await send({ type: 'stop', reqId })
            return stoppedReport(report('stop was sent', 'stop-sent'), durationMs)
          }
          return last === 'played'
            ? report('played', 'played')
            : report('accepted; the end of the sound was not reported', 'accepted')
        } catch (error) {
          if (!(error instanceof DeviceFailure)) throw error
          const isLate = error.message === 'expired'
          throw new DeliveryError(`speaker ${context.id} refused: ${error.message}`, {
            retryable: !isLate,
            phrase: isLate ? { key: 'too-late' } : { key: 'refused', reason: error.message },
            hint: isLate ? 'Check the clock of the speaker.' : 'See what the speaker itself reports.',
          })
        } finally {
          waiting.delete(reqId)
        }
      },
      async close() {
        unsubscribe?.()
        unsubscribe = undefined
      },
    }
  },
})

class DeviceFailure extends Error {}

/** Answers of one request in the order they came, for one reader. */
function createAnswers(signal: AbortSignal) {
  const arrived: Answer[] = []
  let wake = () => {}
  return {
    take(answer: Answer) {
      arrived.push(answer)
      wake()
    },
    async next(withinMs: number): Promise<'accepted' | 'played' | 'nothing' | 'aborted'> {
      if (arrived.length === 0 && !signal.aborted)
        await new Promise<void>((resolve) => {
          const end = () => {
            clearTimeout(timer)
            signal.removeEventListener('abort', end)
            resolve()
          }
          const timer = setTimeout(end, withinMs)
          wake = end
          signal.addEventListener('abort', end, { once: true })
        })
      const answer = arrived.shift()
      if (answer?.type === 'failed') throw new DeviceFailure(answer.reason ?? 'no reason given')
      return answer?.type ?? (signal.aborted ? 'aborted' : 'nothing')
    },
  }
}

function readAnswer(payload: Uint8Array): Answer | undefined {
  if (payload.length > 4096) return undefined
  try {
    const { type, reqId, reason } = JSON.parse(Buffer.from(payload).toString()) as Partial<Answer>
    if (typeof reqId !== 'string' || (type !== 'accepted' && type !== 'played' && type !== 'failed')) return undefined
    return { type, reqId, ...(typeof reason === 'string' ? { reason: reason.slice(0, 200) } : {}) }
  } catch {
    // Telemetry of the same device in another form.
    return undefined
  }
}
