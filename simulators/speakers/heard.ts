/** The first sound of an announcement. */
export interface HeardFirst {
  by: 'rtp' | 'mqtt' | 'vapix'
  /** Epoch ms. */
  at: number
  /** The same instant on performance.now() of this process. */
  monotonicMs: number
  /** RTP only: whether the packet was marked as the start of a talkspurt. */
  marker?: boolean
}

/** One announcement, after its end. */
export interface Heard {
  by: 'rtp' | 'mqtt' | 'vapix'
  startedAt: number
  durationMs: number
  /** RTP packets that were placed, or chunks of an HTTP body. */
  packets: number
  /** Missing between the first and the last. */
  lost: number
  duplicates: number
  reordered: number
  /** Interarrival jitter of RFC 3550 §6.4.1 at the end. */
  jitterMs: number
  /** Longest time between two packets. */
  maxGapMs: number
  source: string
  codec?: 'pcmu' | 'pcma'
  /** MQTT only: what it was told to say. */
  clip?: string
  language?: string
  text?: string
}
