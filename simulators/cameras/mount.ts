import { randomInt } from 'node:crypto'
import type { Socket } from 'node:net'
import { type AccessUnit, type ClipFile, interleavedHeaderBytes, ticksPerMs } from './clip-file.ts'

/*
 * A mount is one camera's stream. Its clock runs from the moment it is mounted, watched or not, as a camera's does;
 * only the timer that sends rests while nobody watches.
 *
 *   playing ──stall()──▶ stalled ──resume()──▶ playing     (time goes on; what was not sent is not sent later)
 *   playing ──end of a clip that does not loop──▶ the clip shown before it, or the end: players are hung up
 */

/** One receiver of a mount. */
export interface Player {
  socket: Socket
  /** Interleaved channel of its RTP; RTCP is the next. */
  channel: number
  isStarted: boolean
}

/** A receiver that reads too slowly loses pictures up to the next key picture, as with a camera. */
const largestBacklogBytes = 4 * 1024 * 1024

/** Sender reports at the interval of RFC 3550 §6.2 for a small session. */
const senderReportEveryMs = 5000

export interface Damage {
  /** Share of RTP packets hit, 0…1. */
  share: number
  /** Bytes flipped inside the packet, or the packet left out. */
  by: 'damage' | 'loss'
  random: () => number
}

interface Showing {
  clip: ClipFile
  isLooped: boolean
  /** Mount time of the clip's first decoding time, in ticks. */
  startTicks: number
  index: number
}

export interface Mount {
  readonly clip: ClipFile
  readonly playerCount: number
  readonly droppedUnits: number
  join(player: Player): void
  leave(player: Player): void
  /**
   * Shows another clip from its first picture, at once; timestamps go on. After a clip that does not loop, the old one
   * again.
   * @returns when the first picture was sent, epoch ms; when nobody watches (any more) or another clip is shown instead, at once
   */
  show(clip: ClipFile, isLooped: boolean): Promise<number>
  stall(): void
  resume(): void
  damage(damage: Damage | undefined): void
  hangUp(): void
}

/** @param startAtMs where in the clip the mount begins */
export function createMount(
  first: ClipFile,
  options: { isLooped: boolean; startAtMs: number; now: () => number },
): Mount {
  const mountedAt = options.now()
  const source = randomInt(2 ** 32)
  const firstTimestamp = randomInt(2 ** 32)
  let sequence = randomInt(2 ** 16)
  let sentPackets = 0
  let sentBytes = 0
  let reportDueAt = 0
  const players = new Set<Player>()
  let showing: Showing = {
    clip: first,
    isLooped: options.isLooped,
    startTicks: -options.startAtMs * ticksPerMs,
    index: 0,
  }
  let before: Showing | undefined
  /** Whoever waits for the first picture of the clip. */
  let onShown: ((at: number) => void) | undefined
  let timer: NodeJS.Timeout | undefined
  let isStalled = false
  let harm: Damage | undefined
  let droppedUnits = 0
  // A clip that is played once begins with its first receiver.
  let isWaitingForFirst = !options.isLooped

  const mediaTicks = () => (options.now() - mountedAt) * ticksPerMs
  const unit = (): AccessUnit | undefined => showing.clip.units[showing.index]

  /** Moves to the first picture that is not yet due, without sending. */
  const skipToNow = () => {
    const now = mediaTicks()
    if (showing.isLooped) {
      const passes = Math.floor((now - showing.startTicks) / showing.clip.durationTicks)
      if (passes > 0) {
        showing.startTicks += passes * showing.clip.durationTicks
        showing.index = 0
      }
    }
    for (let next = unit(); next && showing.startTicks + next.dts < now; next = unit()) showing.index++
    if (!unit()) endOfClip()
  }

  const endOfClip = () => {
    if (showing.isLooped) {
      showing.startTicks += showing.clip.durationTicks
      showing.index = 0
    } else if (before) {
      const startTicks = showing.startTicks + showing.clip.durationTicks
      showing = { ...before, startTicks, index: 0 }
      before = undefined
    } else {
      for (const player of players) player.socket.end()
      players.clear()
      isWaitingForFirst = true
    }
  }

  const tellShown = () => {
    onShown?.(Date.now())
    onShown = undefined
  }

  const send = (next: AccessUnit) => {
    const timestamp = (firstTimestamp + showing.startTicks + next.pts) % 2 ** 32
    const packets = Buffer.from(next.packets)
    for (const start of next.starts) {
      const header = start + interleavedHeaderBytes
      packets.writeUInt16BE(sequence, header + 2)
      packets.writeUInt32BE(timestamp < 0 ? timestamp + 2 ** 32 : Math.floor(timestamp), header + 4)
      packets.writeUInt32BE(source, header + 8)
      sequence = (sequence + 1) % 2 ** 16
    }
    sentPackets += next.starts.length
    sentBytes += packets.length - next.starts.length * 16
    const wire = harm ? harmed(packets, next.starts, harm) : packets
    for (const player of players) {
      if (!player.isStarted && !next.isKey) continue
      if (player.socket.writableLength > largestBacklogBytes) {
        player.isStarted = false
        droppedUnits++
        continue
      }
      player.isStarted = true
      player.socket.write(player.channel === 0 ? wire : onChannel(wire, player.channel))
    }
  }

  const report = () => {
    if (options.now() < reportDueAt) return
    reportDueAt = options.now() + senderReportEveryMs
    // Sender report, RFC 3550 §6.4.1.
    const packet = Buffer.alloc(interleavedHeaderBytes + 28)
    packet[0] = 0x24
    packet.writeUInt16BE(28, 2)
    packet.writeUInt16BE(0x80c8, 4)
    packet.writeUInt16BE(6, 6)
    packet.writeUInt32BE(source, 8)
    const seconds = Date.now() / 1000 + 2_208_988_800
    packet.writeUInt32BE(Math.floor(seconds), 12)
    packet.writeUInt32BE(Math.floor((seconds % 1) * 2 ** 32), 16)
    packet.writeUInt32BE(Math.floor(firstTimestamp + mediaTicks()) % 2 ** 32, 20)
    packet.writeUInt32BE(sentPackets, 24)
    packet.writeUInt32BE(sentBytes % 2 ** 32, 28)
    for (const player of players) {
      packet[1] = player.channel + 1
      player.socket.write(Buffer.from(packet))
    }
  }

  const pump = () => {
    timer = undefined
    if (players.size === 0 || isStalled) return
    const now = mediaTicks()
    for (let next = unit(); next && showing.startTicks + next.dts <= now; next = unit()) {
      send(next)
      tellShown()
      showing.index++
      if (!unit()) endOfClip()
      if (players.size === 0) return
    }
    report()
    schedule()
  }

  const schedule = () => {
    const next = unit()
    if (!next || timer || players.size === 0 || isStalled) return
    timer = setTimeout(pump, Math.max(0, (showing.startTicks + next.dts - mediaTicks()) / ticksPerMs))
  }

  const rest = () => {
    clearTimeout(timer)
    timer = undefined
  }

  /** Nobody is left to see anything. */
  const letGo = () => {
    rest()
    tellShown()
  }

  return {
    get clip() {
      return showing.clip
    },
    get playerCount() {
      return players.size
    },
    get droppedUnits() {
      return droppedUnits
    },
    join(player) {
      if (isWaitingForFirst) {
        isWaitingForFirst = false
        showing.startTicks = mediaTicks() - options.startAtMs * ticksPerMs
        showing.index = 0
      } else if (players.size === 0) {
        skipToNow()
      }
      players.add(player)
      schedule()
    },
    leave(player) {
      players.delete(player)
      if (players.size === 0) letGo()
    },
    show(clip, isLooped) {
      if (clip.codec !== showing.clip.codec) {
        throw new Error(`${clip.file} is ${clip.codec}, the stream was announced as ${showing.clip.codec}`)
      }
      if (!isLooped && showing.isLooped) before = showing
      if (isLooped) before = undefined
      rest()
      tellShown()
      showing = { clip, isLooped, startTicks: mediaTicks(), index: 0 }
      return new Promise((resolve) => {
        onShown = resolve
        if (players.size === 0) tellShown()
        schedule()
      })
    },
    stall() {
      isStalled = true
      rest()
    },
    resume() {
      if (!isStalled) return
      isStalled = false
      skipToNow()
      // What was missed cannot be decoded from.
      for (const player of players) player.isStarted = false
      schedule()
    },
    damage(damage) {
      harm = damage
    },
    hangUp() {
      for (const player of players) player.socket.destroy()
      players.clear()
      letGo()
    },
  }
}

function onChannel(packets: Buffer, channel: number): Buffer {
  const copy = Buffer.from(packets)
  for (let at = 0; at < copy.length; at += interleavedHeaderBytes + copy.readUInt16BE(at + 2)) copy[at + 1] = channel
  return copy
}

/** Hits packets by chance; the RTP header and the payload's type bytes survive, so that the hurt reaches the decoder. */
function harmed(packets: Buffer, starts: readonly number[], harm: Damage): Buffer {
  const firstHarmedByte = interleavedHeaderBytes + 12 + 3
  const kept: Buffer[] = []
  for (const [index, start] of starts.entries()) {
    const packet = packets.subarray(start, starts[index + 1] ?? packets.length)
    if (harm.random() >= harm.share) {
      kept.push(packet)
    } else if (harm.by === 'damage') {
      const room = packet.length - firstHarmedByte
      for (let hits = 0; hits < 8 && room > 0; hits++) {
        packet[firstHarmedByte + Math.floor(harm.random() * room)] = Math.floor(harm.random() * 256)
      }
      kept.push(packet)
    }
  }
  return Buffer.concat(kept)
}
