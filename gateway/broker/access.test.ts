import t from 'tap'
import { compileAccess } from './access.ts'
import { compileFilters, covers, isTopicFilter, matches } from './topic-filter.ts'

const levels = (topic: string) => topic.split('/')

t.test('a device speaks for itself and hears what is meant for it', async (t) => {
  const access = compileAccess('house', { id: 'button', role: 'device' })
  for (const topic of ['site/house/button/up', 'site/house/button/up/battery', 'site/house/button/status']) {
    t.equal(access.mayPublish(topic, false), true, topic)
  }
  for (const topic of [
    'site/house/lamp/up',
    'site/house/button/upper',
    'site/house/button/down',
    'site/house/button',
    'site/other/button/up',
    '$SYS/x',
  ]) {
    t.equal(access.mayPublish(topic, false), false, topic)
  }
  t.equal(access.mayPublish('site/house/button/up', true), false, 'a reading is not retained')
  t.equal(access.mayPublish('site/house/button/status', true), true, 'its status is')
  for (const filter of ['site/house/button/down', 'site/house/button/down/#', 'site/house/button/down/+']) {
    t.equal(access.maySubscribe(filter), true, filter)
  }
  for (const filter of [
    '#',
    '+/#',
    '+/house/button/down',
    'site/#',
    'site/+/button/down',
    'site/house/+/down',
    '$SYS/#',
  ]) {
    t.equal(access.maySubscribe(filter), false, filter)
  }
})

t.test('a device does not hear everything even if its credential says so', async (t) => {
  const access = compileAccess('house', { id: 'button', role: 'device', subscribe: ['#', 'site/house/weather'] })
  t.equal(access.maySubscribe('#'), false)
  t.equal(access.maySubscribe('+/house/x'), false)
  t.equal(access.maySubscribe('site/house/weather'), true)
})

t.test('the gateway has the whole site, and what its credential adds', async (t) => {
  const access = compileAccess('house', {
    id: 'gateway',
    role: 'gateway',
    publish: ['zigbee2mqtt/+/set'],
    subscribe: ['zigbee2mqtt/#'],
  })
  t.equal(access.mayPublish('site/house/lamp/down', true), true)
  t.equal(access.mayPublish('zigbee2mqtt/lamp/set', false), true)
  t.equal(access.mayPublish('zigbee2mqtt/lamp', false), false)
  t.equal(access.mayPublish('$SYS/x', false), false)
  for (const filter of ['site/house/#', 'site/house/+/up', 'zigbee2mqtt/+', '$SYS/#', '$SYS/+/new/clients']) {
    t.equal(access.maySubscribe(filter), true, filter)
  }
  for (const filter of ['#', 'site/#', '$share/group/site/house/#']) t.equal(access.maySubscribe(filter), false, filter)
})

t.test('a bridge has its own topics and those it was given, a monitor only listens', async (t) => {
  const bridge = compileAccess('house', { id: 'zigbee', role: 'bridge', publish: ['zigbee2mqtt/#'] })
  t.equal(bridge.mayPublish('zigbee2mqtt/bridge/state', true), true)
  t.equal(bridge.mayPublish('site/house/zigbee/status', true), true)
  t.equal(bridge.maySubscribe('site/house/#'), false)
  const monitor = compileAccess('house', { id: 'eye', role: 'monitor' })
  t.equal(monitor.maySubscribe('site/house/#'), true)
  t.equal(monitor.mayPublish('site/house/eye/up', false), false)
  t.equal(monitor.mayPublish('site/house/eye/status', true), true)
})

t.test('topic filters match as MQTT says', async (t) => {
  const yes: Array<[string, string]> = [
    ['sport/tennis/player1/#', 'sport/tennis/player1'],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon'],
    ['sport/#', 'sport'],
    ['#', 'a/b'],
    ['sport/+', 'sport/'],
    ['+/+', '/finance'],
    ['/+', '/finance'],
    ['$SYS/#', '$SYS/x'],
  ]
  const no: Array<[string, string]> = [
    ['sport/+', 'sport'],
    ['sport/tennis/+', 'sport/tennis/player1/ranking'],
    ['+', '/finance'],
    ['#', '$SYS/x'],
    ['+/x', '$SYS/x'],
  ]
  for (const [filter, topic] of yes) {
    t.ok(matches(levels(filter), levels(topic)), `${filter} matches ${topic}`)
    t.ok(compileFilters([filter])(topic), `compiled: ${filter} matches ${topic}`)
  }
  for (const [filter, topic] of no) {
    t.notOk(matches(levels(filter), levels(topic)), `${filter} does not match ${topic}`)
    t.notOk(compileFilters([filter])(topic), `compiled: ${filter} does not match ${topic}`)
  }
})

t.test('an allowed filter covers an asked one only if it covers all of it', async (t) => {
  const yes = [
    ['a/#', 'a/b/+'],
    ['a/#', 'a'],
    ['a/#', 'a/#'],
    ['a/+/c', 'a/b/c'],
    ['a/+/c', 'a/+/c'],
    ['#', '+/b'],
  ]
  const no = [
    ['a/+', 'a/#'],
    ['a/b', 'a/+'],
    ['a/+', 'a/b/c'],
    ['a/b/c', 'a/b'],
    ['#', '$SYS/#'],
    ['a/#', '#'],
  ]
  for (const [allowed, asked] of yes) t.ok(covers(levels(allowed!), levels(asked!)), `${allowed} covers ${asked}`)
  for (const [allowed, asked] of no)
    t.notOk(covers(levels(allowed!), levels(asked!)), `${allowed} does not cover ${asked}`)
})

t.test('a filter is well formed or it is not', async (t) => {
  for (const filter of ['#', '+', 'a/+/b/#', '/', 'a//b', '$SYS/#']) t.ok(isTopicFilter(filter), filter)
  for (const filter of ['', 'a#', 'a/#/b', 'a+', 'a/b+/c', 'a\0'])
    t.notOk(isTopicFilter(filter), JSON.stringify(filter))
})
