import { randomUUID } from 'node:crypto'
import { type Static, Type } from 'typebox'
import type { Driver } from '../core/driver.ts'
import { DeliveryError } from '../core/errors.ts'
import type { DoorContact } from '../core/ports.ts'
import { holdOptions } from './hold-options.ts'

/** As much of MQTT as a relay needs. */
export interface MqttPort {
  publish(topic: string, payload: string, options: { qos: 0 | 1 }): Promise<void>
  /** Returns the function that ends the subscription. */
  subscribe(filter: string, handler: (topic: string, payload: Uint8Array) => void): () => void
}

export interface DoorContext {
  site: string
  lift: string
  mqtt: MqttPort
}

/** A contact that holds a subscription. */
export interface ManagedContact extends DoorContact {
  close(): void
}

export type DoorDriver<Options = unknown> = Driver<Options, DoorContext, ManagedContact>

const Options = Type.Object(
  {
    device: Type.String({ pattern: '^[^/+#]+$', description: 'Device part of the relay’s topics.' }),
    answerWithinMs: Type.Integer({
      minimum: 100,
      maximum: 2000,
      default: 1000,
      description: 'Without an answer to a lease for this long the relay counts as lost.',
    }),
    ...holdOptions,
  },
  { additionalProperties: false },
)
type Options = Static<typeof Options>

/**
 * A relay in parallel with the door-open button, driven by leases over MQTT.
 *
 *   gateway → site/<site>/<device>/down  { type: 'hold', session, seq, forMs } · { type: 'release', session, seq }
 *   relay   → site/<site>/<device>/up    { type: 'holding' | 'released', session, seq }
 *
 * The relay closes its contact for `forMs` from receipt and opens it by itself when no other lease came; it passes over
 * a `seq` that is not higher than the last of the same session. Leases go at QoS 0 and are never retained: one that is
 * late is worthless, and a broker must not keep it for later.
 */
export const mqttRelay: DoorDriver<Options> = {
  kind: 'mqtt-relay',
  options: Options,
  create(options, context) {
    const base = `site/${context.site}/${options.device}`
    const session = randomUUID()
    const waiting = new Map<number, () => void>()
    let seq = 0
    let unsubscribe: (() => void) | undefined

    const subscribe = () => {
      unsubscribe ??= context.mqtt.subscribe(`${base}/up`, (_topic, payload) => {
        const answer = readAnswer(payload)
        if (answer?.session === session) waiting.get(answer.seq)?.()
      })
    }
    const send = async (lease: { type: 'hold'; forMs: number } | { type: 'release' }) => {
      subscribe()
      const own = ++seq
      let timer: NodeJS.Timeout | undefined
      const answered = new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), options.answerWithinMs)
        waiting.set(own, () => resolve(true))
      })
      const message = JSON.stringify({ ...lease, session, seq: own })
      try {
        // A broker that is gone may leave `publish` hanging: the answer is what counts.
        const published = context.mqtt.publish(`${base}/down`, message, { qos: 0 }).then(() => answered)
        if (await Promise.race([published, answered])) return
      } catch (cause) {
        throw new DeliveryError(`door relay ${options.device}: the broker took no message`, { retryable: false, cause })
      } finally {
        clearTimeout(timer)
        waiting.delete(own)
      }
      throw new DeliveryError(`door relay ${options.device} did not answer`, {
        retryable: false,
        hint: 'Check its power and its MQTT connection. The door is not held.',
      })
    }
    return {
      lift: context.lift,
      hold: (forMs) => send({ type: 'hold', forMs }),
      release: () => send({ type: 'release' }),
      close() {
        unsubscribe?.()
        unsubscribe = undefined
      },
    }
  },
}

function readAnswer(payload: Uint8Array): { session: string; seq: number } | undefined {
  if (payload.length > 1024) return undefined
  try {
    const { session, seq } = JSON.parse(Buffer.from(payload).toString()) as { session?: unknown; seq?: unknown }
    return typeof session === 'string' && typeof seq === 'number' ? { session, seq } : undefined
  } catch {
    return undefined
  }
}
