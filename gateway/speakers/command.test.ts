import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Value } from 'typebox/value'
import { until } from '../testing/until.ts'
import { loadClipLibrary, shippedClipFolder } from './clip-library.ts'
import { command } from './command.ts'
import { readWav } from './wav.ts'

const never = new AbortController().signal
const test = { id: 'speaker-test', language: 'en' }
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

function createDriver(renderFolder: string, argv: string[], options: Record<string, unknown> = {}) {
  const clips = loadClipLibrary({ folders: [shippedClipFolder], renderFolder })
  return command.create(Value.Default(command.options, { command: argv, ...options }) as never, {
    ...{ id: 'guard-room', site: 's', clips, now: Date.now, random: Math.random },
    secret: () => '',
  })
}

t.test('a real player gets the file, with silence in front where it is wanted', async (t) => {
  const dir = t.testdir()
  const heard = join(dir, 'heard.wav')
  const player = ['ffmpeg', '-nostdin', '-v', 'error', '-y', '-i', '{file}', heard]
  const speaker = createDriver(dir, player, { leadSilenceMs: 1500 })
  await speaker.open()
  const report = await speaker.play(test, never)
  t.match(report, { isAccepted: true, deviceReply: 'ffmpeg ended with code 0' })
  t.ok(Math.abs(readWav(readFileSync(heard)).samples.length - (28_034 + 8000)) < 80)
})

t.test('no shell reads the command, and our secrets are not passed on', async (t) => {
  const dir = t.testdir()
  process.env.GRIDGATE_TEST_SECRET = 'hush'
  t.teardown(() => delete process.env.GRIDGATE_TEST_SECRET)
  const script = 'require("fs").writeFileSync(process.argv[1], JSON.stringify([process.argv.slice(2), process.env]))'
  const file = join(dir, 'seen.json')
  await createDriver(dir, ['node', '-e', script, file, '{file}', '$(id); rm -rf "*"']).play(test, never)
  const [argv, environment] = JSON.parse(readFileSync(file, 'utf8'))
  t.same(argv, [join(shippedClipFolder, 'speaker-test.en.wav'), '$(id); rm -rf "*"'])
  t.notOk(environment.GRIDGATE_TEST_SECRET)
  t.ok(environment.PATH)
})

t.test('a player that fails is told in its own words', async (t) => {
  const dir = t.testdir()
  const script = 'console.error("ALSA: no such device"); process.exit(3)'
  const failed = await failure(createDriver(dir, ['node', '-e', script, '{file}']).play(test, never))
  t.match(failed, { retryable: true, message: 'node ended with code 3: ALSA: no such device', hint: /sound card/ })
  const missing = await failure(createDriver(dir, ['no-such-player', '{file}']).play(test, never))
  t.match(missing, { retryable: false, hint: /Install no-such-player/ })
  const noClip = await failure(createDriver(dir, ['true', '{file}']).play({ id: 'x', language: 'zh' }, never))
  t.match(noClip, { retryable: false, message: /no voice clip x/ })
})

t.test('stopping ends the player, even one that does not want to', async (t) => {
  const dir = t.testdir()
  const file = join(dir, 'pid')
  const script = `process.on('SIGTERM', () => {}); require('fs').writeFileSync(${JSON.stringify(file)}, String(process.pid)); setInterval(() => {}, 1000)`
  const abort = new AbortController()
  const playing = createDriver(dir, ['node', '-e', script, '{file}']).play(test, abort.signal)
  const readPid = () => {
    try {
      return Number(readFileSync(file, 'utf8'))
    } catch {
      return 0
    }
  }
  const pid = await until('the player runs', readPid)
  abort.abort()
  t.match((await playing).deviceReply, /^stopped after \d+ of \d+ ms; node was ended$/)
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})

t.test('a command without {file} is refused by its schema', async (t) => {
  t.ok(Value.Check(command.options, Value.Default(command.options, {})))
  t.notOk(Value.Check(command.options, Value.Default(command.options, { command: ['aplay', 'x.wav'] })))
})
