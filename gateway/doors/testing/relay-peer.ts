import mqtt from 'mqtt'

/** A door relay on the other side of MQTT, with a lease timer of its own. */
export interface RelayPeer {
  /** Whether the contact is closed now. */
  readonly isHeld: boolean
  /** Every change with its instant on performance.now(), and every lease. */
  readonly log: ReadonlyArray<{ what: 'lease' | 'held' | 'released'; at: number }>
  /** Says nothing and does nothing while true. */
  isDead: boolean
  close(): Promise<void>
}

/** Speaks the protocol written at mqtt-relay.ts, from its text alone. */
export async function startRelayPeer(url: string, topics: { down: string; up: string }): Promise<RelayPeer> {
  const client = await mqtt.connectAsync(url)
  const log: Array<{ what: 'lease' | 'held' | 'released'; at: number }> = []
  const lastSeq = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined
  let isHeld = false

  const change = (held: boolean) => {
    if (held === isHeld) return
    isHeld = held
    log.push({ what: held ? 'held' : 'released', at: performance.now() })
  }
  client.on('message', (_topic, payload) => {
    if (peer.isDead) return
    const { type, session, seq, forMs } = JSON.parse(payload.toString())
    if (seq <= (lastSeq.get(session) ?? 0)) return
    lastSeq.set(session, seq)
    clearTimeout(timer)
    if (type === 'hold') {
      log.push({ what: 'lease', at: performance.now() })
      timer = setTimeout(() => change(false), Math.min(forMs, 2000))
    }
    change(type === 'hold')
    client.publish(topics.up, JSON.stringify({ type: isHeld ? 'holding' : 'released', session, seq }))
  })
  await client.subscribeAsync(topics.down)
  const peer = {
    get isHeld() {
      return isHeld
    },
    log,
    isDead: false,
    async close() {
      clearTimeout(timer)
      await client.endAsync(true)
    },
  }
  return peer
}
