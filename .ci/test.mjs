// The whole test run: format, types, then every test beside the code and every journey. Prints `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const onlyFiles = process.argv.slice(2)

function check(title, command, ...args) {
  console.log(`\n${title} …`)
  const { status } = spawnSync('npx', ['--no-install', command, ...args], { cwd: root, stdio: 'inherit' })
  return status === 0
}

const checks =
  onlyFiles.length > 0 ||
  [
    check('Formatting and lint', 'biome', 'check', '.'),
    check('Types', 'tsc', '--noEmit'),
    check('Types of the console', 'vue-tsc', '--noEmit', '-p', 'gateway/console'),
  ].every(Boolean)

console.log('\nTests …')
const child = spawn('npx', ['--no-install', 'tap', '--reporter=tap', '--jobs=2', ...onlyFiles], {
  cwd: root,
  env: { ...process.env, CI: process.env.CI ?? '', TAP_NO_COLOR: '1' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
let total
let failedFiles = 0
for await (const line of createInterface({ input: child.stdout })) {
  const summary = /^# \{ total: (\d+)(?:, pass: (\d+))?(?:, fail: (\d+))?(?:, skip: (\d+))?(?:, todo: (\d+))? \}/.exec(
    line,
  )
  if (summary) total = summary.slice(1).map((count) => Number(count ?? 0))
  if (/^not ok/.test(line)) failedFiles++
  if (/^(not ok|ok)/.test(line) || /^\s+not ok/.test(line) || failedFiles > 0) console.log(line)
}
const status = await new Promise((resolve) => child.once('close', resolve))
const [, passed = 0, failed = 0, skipped = 0] = total ?? []
const broken = Math.max(failed, status === 0 && checks ? 0 : 1)
if (!checks) console.log('\nFormatting, lint or types are not clean: see above.')
console.log(`\n${passed} passed, ${broken} failed${skipped ? `, ${skipped} skipped` : ''}`)
process.exit(broken === 0 && passed > 0 ? 0 : 1)
