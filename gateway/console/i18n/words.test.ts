import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { errorCodes } from '../../api/schemas/error.ts'
import { channelHints, channelWords } from '../../core/channel-words.ts'
import { liftSignals } from '../../core/device-kind.ts'
import { fieldWords } from '../../core/field-words.ts'
import { messageWords } from '../../core/message-words.ts'
import { cameraProblems } from '../../core/ports.ts'
import { refusals } from '../../core/refusal.ts'
import { selfTestWords } from '../../core/self-test.ts'
import en from './en.ts'
import zh from './zh-CN.ts'

/** Paths of every sentence, with the names of what is put into it. */
function sentences(words: object, path = ''): string[] {
  return Object.entries(words).flatMap(([key, value]) => {
    const here = path ? `${path}.${key}` : key
    if (typeof value !== 'string') return sentences(value, here)
    const parameters = [...value.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort()
    return [`${here} ${[...new Set(parameters)].join(' ')}`.trim()]
  })
}

t.test('what the console says in Chinese it says in English, with the same facts', async (t) => {
  t.same(sentences(zh).sort(), sentences(en).sort())
})

t.test('nothing in Chinese was left in English, and the other way round', async (t) => {
  const texts = (words: object): string[] =>
    Object.values(words).flatMap((value) => (typeof value === 'string' ? [value] : texts(value)))
  // The button that switches shows the name of the other language.
  t.same(
    texts(en).filter((text) => /\p{Script=Han}/u.test(text)),
    ['中文'],
  )
  // What stands in “…” in letters, as options and products do, is written as its makers write it.
  t.same(
    texts(zh).filter((text) =>
      /[A-Za-z]{3,}/.test(text.replace(/\{\w+\}|“[\w. -]+”|MQTT|HTTPS|LEL|ppm|devices|RTSP|TCP|ffmpeg|JSON/g, '')),
    ),
    ['English'],
  )
})

t.test('every answer a speaker driver or the announcer can give has its sentence', async (t) => {
  const folder = new URL('../../speakers/', import.meta.url)
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  const text = sources.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n')
  const keys = [...text.matchAll(/\bkey: (?:\w+ (?:[=<>]+ [\w.]+ )?\? )?'([a-z-]+)'(?: : '([a-z-]+)')?/g)].flatMap(
    ([, first, second]) => [first!, ...(second ? [second] : [])],
  )
  const reported = [...text.matchAll(/report\([^)]*, '([a-z-]+)'\)/g)].map((match) => match[1]!)
  t.ok(keys.length > 20 && reported.length >= 3, `${keys.length} keys were found`)
  t.same(
    [...new Set([...keys, ...reported])].filter((key) => !(key in zh.said)),
    [],
  )
  for (const end of ['interrupted', 'stopped', 'overflowed', 'overdue', 'expired'])
    t.ok(`not-played-${end}` in zh.said, end)
})

t.test('every reason a scene can give for an alarm has its sentence', async (t) => {
  const folder = new URL('../../scenes/', import.meta.url)
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  const text = sources.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n')
  const keys = [...text.matchAll(/\b(?:why|key)(?: =|:) (?:[\w.]+ \? )?'([a-z0-9-]+)'(?: : '([a-z0-9-]+)')?/g)]
    .flatMap(([, first, second]) => [first!, ...(second ? [second] : [])])
    .filter((key) => key !== 'sightings')
  t.ok(keys.length > 40, `${keys.length} keys were found`)
  t.same(
    [...new Set(keys)].filter((key) => !(key in zh.why)),
    [],
  )
})

t.test('every no of the rules has its key, and every key its sentence', async (t) => {
  const folder = new URL('../../', import.meta.url)
  const rooms = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ts$/.test(name) && !/\.test\.ts$|(^|\/)testing\/|^console\/|^core\/refusal\.ts$/.test(name))
    .map((name) => ({ name, text: readFileSync(new URL(name, folder), 'utf8') }))
  t.ok(rooms.length > 200, `${rooms.length} files were read`)
  t.same(
    rooms.filter(({ text }) => /\brefused: ['`]/.test(text)).map(({ name }) => name),
    [],
    'who refuses says it by a key: refuse(…) of core/refusal.ts',
  )
  t.same(Object.keys(zh.refused).sort(), Object.keys(refusals).sort())
})

t.test('all that channels to people say has its key, and every key its sentence', async (t) => {
  const rooms = ['notifiers', 'alarms'].flatMap((room) => {
    const folder = new URL(`../../${room}/`, import.meta.url)
    return readdirSync(folder)
      .filter((name) => /\.ts$/.test(name) && !/\.test\.ts$|^testing\.ts$/.test(name))
      .map((name) => ({ name: `${room}/${name}`, text: readFileSync(new URL(name, folder), 'utf8') }))
  })
  t.ok(rooms.length > 20, `${rooms.length} files were read`)
  t.same(
    rooms.filter(({ text }) => /\breply: ['`]|new (?:Delivery|Recipient)Error\(/.test(text)).map(({ name }) => name),
    [],
    'who answers says it by a key: tell(…), channelError(…) of core/channel-words.ts',
  )
  t.same(Object.keys(zh.response.replies).sort(), Object.keys(channelWords).sort())
  t.same(Object.keys(zh.response.hints).sort(), Object.keys(channelHints).sort())
  t.same(
    [...Object.keys(channelWords), ...Object.keys(channelHints)].filter((key) => key in zh.why),
    [],
    'the alarm that a channel is down holds both: a reason of a scene is never called the same',
  )
  t.same(Object.keys(zh.selfTest.replies).sort(), Object.keys(selfTestWords).sort())
})

t.test('every reason why a message of a device was not taken has its sentence', async (t) => {
  const folder = new URL('../../devices/', import.meta.url)
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => /\.ts$/.test(name) && !/\.test\.ts$/.test(name),
  )
  const texts = sources.map((name) => ({ name, text: readFileSync(new URL(name, folder), 'utf8') }))
  t.ok(texts.length > 25, `${texts.length} files were read`)
  t.same(
    texts.filter(({ text }) => /\b(?:notUnderstood|remark|reason): ['"`]/.test(text)).map(({ name }) => name),
    [],
    'what is wrong is said by a key: wrongMessage(…) of core/message-words.ts',
  )
  t.same(Object.keys(zh.devices.wrong).sort(), Object.keys(messageWords).sort())
  const all = texts.map(({ text }) => text).join('\n')
  t.same(
    Object.keys(messageWords).filter((key) => key !== 'looks-like' && !all.includes(`'${key}'`)),
    [],
    'no sentence is kept that nobody says',
  )
})

t.test('all that can be wrong with a field or a line of a table has its sentence', async (t) => {
  const sources = ['api/csv.ts', 'api/device-sheet.ts', 'config/registered-device.ts', 'registrar.ts']
  t.same(
    sources.filter((name) => /\bmessage: ['`]/.test(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8'))),
    [],
    'what is wrong is said by a key: wrongField(…) of core/field-words.ts',
  )
  t.same(
    Object.keys(fieldWords).filter((key) => !(key in zh.field)),
    [],
  )
})

t.test('every lift signal and every kind of problem has its words', async (t) => {
  t.same(
    liftSignals.filter((signal) => !(signal in zh.door.signals)),
    [],
  )
  t.same(
    cameraProblems.filter((problem) => !(problem in zh.cameras.problems)),
    [],
  )
  t.same(
    errorCodes.filter((code) => !(code in zh.problem)),
    [],
  )
})
