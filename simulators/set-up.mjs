// Sets up a fresh checkout with nothing but Node: npm packages, Debian packages, the console.
// `node simulators/set-up.mjs start` for the demo, `node simulators/set-up.mjs test` for the tests.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))

/** Programs (or files, by their path) each purpose needs, and the Debian package that brings them. */
const programs = {
  start: { ffmpeg: 'ffmpeg' },
  test: {
    ffmpeg: 'ffmpeg',
    mosquitto: 'mosquitto',
    mosquitto_pub: 'mosquitto-clients',
    '/usr/lib/python3/dist-packages/paho/mqtt/client.py': 'python3-paho-mqtt',
    openssl: 'openssl',
    chromium: 'chromium',
    influxd: 'influxdb',
    'victoria-metrics': 'victoria-metrics',
    motion: 'motion',
    curl: 'curl',
  },
}

function fail(message, cure) {
  console.error(`${message}\n  → ${cure}`)
  process.exit(1)
}

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (error) fail(`${command} cannot be started: ${error.message}`, `install ${command}`)
  return status
}

function isOnPath(program) {
  if (program.startsWith('/')) return existsSync(program)
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)))
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    fail(`Node ${process.versions.node} is too old`, 'install Node 20.19 or later')
}

function installPackages() {
  const installed = join(root, 'node_modules/.package-lock.json')
  const wanted = join(root, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return
  console.log('Installing npm packages …')
  if (run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']) !== 0)
    fail('npm ci failed', 'see its message above')
}

function installPrograms(purpose) {
  const missing = Object.entries(programs[purpose]).filter(([program]) => !isOnPath(program))
  if (missing.length === 0) return
  const packages = missing.map(([, debian]) => debian)
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  const isRoot = process.getuid?.() === 0
  const hasSudo = !isRoot && isOnPath('sudo') && spawnSync('sudo', ['-n', 'true']).status === 0
  if (!isOnPath('apt-get') || !(isRoot || hasSudo))
    fail(`Missing: ${missing.map(([program]) => program).join(', ')}`, `run: sudo ${command}`)
  console.log(`Installing Debian packages: ${packages.join(' ')} …`)
  const prefix = hasSudo ? ['sudo', '-n'] : []
  const apt = (...args) => {
    const [program, ...rest] = [...prefix, 'apt-get', '-qq', ...args]
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    return run(program, rest, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  }
  const install = () => apt('install', '-y', '--no-install-recommends', ...packages)
  if (install() !== 0 && (apt('update') !== 0 || install() !== 0))
    fail('Debian packages could not be installed', `run: sudo apt-get update && sudo ${command}`)
}

/** Newest change below a folder, epoch ms. */
function newest(folder) {
  let latest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) latest = Math.max(latest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs)
  return latest
}

function buildConsole() {
  const page = join(root, 'dist/console/index.html')
  const changed = Math.max(newest(join(root, 'gateway/console')), newest(join(root, 'gateway/api/schemas')))
  if (existsSync(page) && statSync(page).mtimeMs >= changed) return
  console.log('Building the console …')
  if (run('npx', ['--no-install', 'vite', 'build', 'gateway/console', '--logLevel', 'warn']) !== 0)
    fail('the console could not be built', 'see the message above')
}

const purpose = process.argv[2] === 'test' ? 'test' : 'start'
checkNode()
installPackages()
installPrograms(purpose)
buildConsole()
