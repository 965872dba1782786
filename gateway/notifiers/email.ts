import nodemailer from 'nodemailer'
import { type Static, Type } from 'typebox'
import { channelError, recipientError, tell } from '../core/channel-words.ts'
import type { DeliveryError } from '../core/errors.ts'
import { defineNotifier, SecretReference, textOf, titleOf } from './notifier.ts'

const Options = Type.Object(
  {
    host: Type.String({ minLength: 1, description: 'SMTP server.' }),
    port: Type.Integer({ minimum: 1, maximum: 65535, default: 465 }),
    tls: Type.Union([Type.Literal('implicit'), Type.Literal('starttls'), Type.Literal('none')], {
      default: 'implicit',
      description: 'From the first byte (465), by STARTTLS (587), or not at all (a server on this machine).',
    }),
    username: Type.Optional(Type.String()),
    password: Type.Optional(SecretReference),
    from: Type.String({ minLength: 3, description: 'Sender, e.g. GridGate <alarm@example.org>.' }),
    perMinute: Type.Integer({ minimum: 1, default: 30, description: 'Messages the server takes from us per minute.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof Options>

const withinMs = 15_000

/** E-mail by SMTP; the address is the mailbox. */
export const email = defineNotifier<Options>({
  kind: 'email',
  options: Options,
  create(options, context) {
    return {
      id: context.id,
      channel: 'email',
      limits: [{ count: options.perMinute, perMs: 60_000 }],
      maxBytes: 60_000,
      async send(messages, { person, address }, signal) {
        if (!address || !/^[^@\s]+@[^@\s]+$/.test(address))
          throw recipientError('without-mailbox', { person, channel: context.id }, { hint: 'write-mailbox' })
        const { username, password } = options
        const transport = nodemailer.createTransport({
          host: options.host,
          port: options.port,
          secure: options.tls === 'implicit',
          requireTLS: options.tls === 'starttls',
          ignoreTLS: options.tls === 'none',
          connectionTimeout: withinMs,
          greetingTimeout: withinMs,
          socketTimeout: withinMs,
          disableFileAccess: true,
          disableUrlAccess: true,
          ...(username ? { auth: { user: username, pass: password ? context.secret(password) : '' } } : {}),
        })
        const abort = () => transport.close()
        signal.addEventListener('abort', abort, { once: true })
        try {
          const sent = await transport.sendMail({
            from: options.from,
            to: address,
            subject: titleOf(messages),
            text: textOf(messages),
            headers: { 'Auto-Submitted': 'auto-generated', 'X-Priority': '1' },
          })
          return {
            acceptedAt: context.now(),
            ...tell('mail-taken', { said: sent.response }),
            reference: sent.messageId,
          }
        } catch (cause) {
          throw smtpError(cause)
        } finally {
          signal.removeEventListener('abort', abort)
          transport.close()
        }
      },
    }
  },
})

function smtpError(cause: unknown): DeliveryError {
  const { code, responseCode, message } = cause as { code?: string; responseCode?: number; message: string }
  const isCredential = code === 'EAUTH'
  const isMailbox = code === 'EENVELOPE' && responseCode !== undefined && responseCode >= 500
  if (isMailbox)
    return recipientError('no-such-mailbox', { said: message.slice(0, 200) }, { hint: 'check-mailbox', cause })
  // 4xx: not now; 5xx: never. Without a number nobody answered.
  const retryable = !isCredential && (responseCode === undefined || responseCode < 500)
  return channelError(
    'mail-refused',
    { said: message.slice(0, 200) },
    {
      retryable,
      hint: isCredential ? 'check-mail-password' : retryable ? 'check-mail-server' : 'check-mailbox',
      cause,
    },
  )
}
