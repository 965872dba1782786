import { spawn } from 'node:child_process'
import { type Static, Type } from 'typebox'
import type { Phrase } from '../core/alarm.ts'
import { DeliveryError } from '../core/errors.ts'
import { defineSpeaker, LeadSilenceMs, missingClip, stoppedReport } from './speaker.ts'

const Options = Type.Object(
  {
    command: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 2,
      contains: Type.String({ pattern: '\\{file\\}' }),
      default: ['aplay', '-q', '{file}'],
      description: 'Program and arguments, without a shell; {file} is replaced by the path of a WAV file.',
    }),
    leadSilenceMs: LeadSilenceMs,
  },
  { additionalProperties: false },
)
type Options = Static<typeof Options>

/** What a player may need of our environment; it holds secrets that are none of its business. */
const passedOn = /^(PATH|HOME|LANG|LC_ALL|XDG_RUNTIME_DIR|(ALSA|AUDIO|PULSE|PIPEWIRE|SDL)_?\w*)$/
const graceMs = 10_000
const killAfterMs = 1000
const keptOutput = 500

/** A player program on this machine, for a loudspeaker on its sound card. */
export const command = defineSpeaker<Options>({
  kind: 'command',
  options: Options,
  create(options, context) {
    const how = { leadSilenceMs: options.leadSilenceMs }
    const program = options.command[0]!
    return {
      id: context.id,
      async open() {
        for (const { id, language } of context.clips.list()) context.clips.playableFile({ id, language }, how)
      },
      async play(name, signal) {
        const file = context.clips.playableFile(name, how)
        const clip = context.clips.clip(name, { encoding: 'pcmu', leadSilenceMs: options.leadSilenceMs })
        if (!file || !clip) throw missingClip(name)
        const startedAt = context.now()
        const report = (deviceReply: string, ...phrases: Phrase[]) => ({
          isAccepted: true,
          phrases,
          bytesSent: clip.data.length,
          startedAt,
          endedAt: context.now(),
          deviceReply,
        })
        if (signal.aborted)
          return { ...stoppedReport(report('not started'), clip.durationMs), isAccepted: false, bytesSent: 0 }

        const args = options.command.slice(1).map((part) => part.replaceAll('{file}', file))
        const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => passedOn.test(key)))
        const player = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env })
        let output = ''
        player.stderr.setEncoding('utf8').on('data', (text: string) => {
          output = (output + text).slice(-keptOutput)
        })
        const end = () => {
          player.kill('SIGTERM')
          killTimer ??= setTimeout(() => player.kill('SIGKILL'), killAfterMs)
        }
        let killTimer: NodeJS.Timeout | undefined
        let hasHung = false
        const hangTimer = setTimeout(() => {
          hasHung = true
          end()
        }, clip.durationMs + graceMs)
        signal.addEventListener('abort', end, { once: true })
        try {
          const outcome = await new Promise<Error | { code: number | null }>((resolve) => {
            player.once('error', resolve)
            player.once('close', (code) => resolve({ code }))
          })
          if (outcome instanceof Error)
            throw new DeliveryError(`${program} cannot be started: ${outcome.message}`, {
              retryable: false,
              cause: outcome,
              phrase: { key: 'no-player', program },
              hint: `Install ${program}, or name another player in the speaker’s command.`,
            })
          if (signal.aborted) return stoppedReport(report(`${program} was ended`), clip.durationMs)
          if (outcome.code === 0) return report(`${program} ended with code 0`, { key: 'played-here', program })
          const said = output.trim().split('\n').at(-1) ?? ''
          const what = hasHung ? 'did not end and was killed' : `ended with code ${outcome.code}`
          throw new DeliveryError(`${program} ${what}${said && `: ${said}`}`, {
            retryable: true,
            phrase: hasHung
              ? { key: 'player-hung', program }
              : { key: 'player-failed', program, code: outcome.code ?? '', said },
            hint: 'Check that the sound card is there and not in use by another program.',
          })
        } finally {
          clearTimeout(hangTimer)
          clearTimeout(killTimer)
          signal.removeEventListener('abort', end)
        }
      },
      async close() {},
    }
  },
})
