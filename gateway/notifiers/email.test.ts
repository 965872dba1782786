import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import t, { type Test } from 'tap'
import { email } from './email.ts'
import { aMessage, createContext } from './testing.ts'

const signal = new AbortController().signal
const to = { person: 'caregiver-a', address: 'caregiver-a@example.org' }

/** A real mail server that keeps what it takes. */
async function startMailServer(t: Test, more: SMTPServerOptions = {}) {
  const mails: string[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      username === 'alarm' && password === 'right' ? done(null, { user: username }) : done(new Error('wrong')),
    onData(stream, _session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk) => chunks.push(chunk))
      stream.on('end', () => {
        mails.push(Buffer.concat(chunks).toString())
        done()
      })
    },
    ...more,
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const { port } = server.server.address() as AddressInfo
  const create = (options: object = {}, password = 'right') =>
    email.create(
      { host: '127.0.0.1', port, tls: 'none', from: 'GridGate <alarm@example.org>', perMinute: 30, ...options },
      createContext({ secrets: { P: password } }),
    )
  return { mails, create, close: () => new Promise<void>((resolve) => server.close(() => resolve())) }
}

t.test('a mail server takes the message with Chinese subject, text and link', async (t) => {
  const { mails, create } = await startMailServer(t)
  const channel = create({ username: 'alarm', password: { env: 'P' } })
  const report = await channel.send([aMessage()], to, signal)
  t.match(report, { reply: /250 /, reference: /@/ })
  const [mail = ''] = mails
  t.match(mail, /^To: caregiver-a@example\.org\r$/m)
  t.match(mail, /^Auto-Submitted: auto-generated\r$/m)
  t.match(mail, /^Subject: =\?UTF-8\?/m)
  const encoded = mail.split('\r\n\r\n')[1]!
  const body = /base64/.test(mail) ? Buffer.from(encoded, 'base64').toString() : decodeQuoted(encoded)
  t.match(body, /301：老人紧急呼叫[\s\S]*https:\/\/care\.example\.org\/answer\/abc/)
})

t.test('a wrong password, a mailbox nobody has and a server that is busy are told apart', async (t) => {
  let refusal: { message: string; responseCode: number } | undefined
  const { create, close } = await startMailServer(t, {
    onRcptTo: (_address, _session, done) =>
      done(refusal ? Object.assign(new Error(refusal.message), refusal) : undefined),
  })
  const wrong = create({ username: 'alarm', password: { env: 'P' } }, 'wrong')
  await t.rejects(wrong.send([aMessage()], to, signal), { name: 'DeliveryError', retryable: false, hint: /password/ })
  refusal = { message: 'no such user', responseCode: 550 }
  await t.rejects(create().send([aMessage()], to, signal), { name: 'RecipientError' })
  refusal = { message: 'try again later', responseCode: 451 }
  await t.rejects(create().send([aMessage()], to, signal), { name: 'DeliveryError', retryable: true })
  await t.rejects(create().send([aMessage()], { person: 'a', address: 'nobody' }, signal), { name: 'RecipientError' })
  await close()
  await t.rejects(create().send([aMessage()], to, signal), { name: 'DeliveryError', retryable: true })
})

function decodeQuoted(text: string): string {
  const bytes = text
    .replace(/=\r?\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString()
}
