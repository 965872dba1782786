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
/** Lines of the file that is being reported, until its own `ok` or `not ok` comes. */
let file = []
const failures = []
for await (const line of createInterface({ input: child.stdout })) {
  const summary = /^# \{ total: (\d+)(?:, pass: (\d+))?(?:, fail: (\d+))?(?:, skip: (\d+))?(?:, todo: (\d+))? \}/.exec(
    line,
  )
  if (summary) total = summary.slice(1).map((count) => Number(count ?? 0))
  file.push(line)
  if (!/^(not )?ok /.test(line)) continue
  console.log(line)
  if (line.startsWith('not ')) {
    const failure = failedLines(file)
    console.log(failure.join('\n'))
    failures.push(...failure)
  }
  file = []
}
const status = await new Promise((resolve) => child.once('close', resolve))
const [, passed = 0, failed = 0, skipped = 0] = total ?? []
const broken = Math.max(failed, status === 0 && checks ? 0 : 1)
if (failures.length > 0) console.log(`\nWhat failed, once more:\n${failures.join('\n')}`)
if (!checks) console.log('\nFormatting, lint or types are not clean: see above.')
console.log(`\n${passed} passed, ${broken} failed${skipped ? `, ${skipped} skipped` : ''}`)
process.exit(broken === 0 && passed > 0 ? 0 : 1)

/** Every `not ok` of one file with its explanation, and nothing of what went well. */
function failedLines(lines) {
  const kept = []
  let isExplaining = false
  let isOfFailure = false
  for (const line of lines) {
    if (isExplaining || /^\s+---$/.test(line)) {
      if (isOfFailure) kept.push(line)
      isExplaining = !/^\s+\.\.\.$/.test(line)
    } else if (/^\s*(not )?ok /.test(line)) {
      isOfFailure = /^\s*not /.test(line)
      if (isOfFailure) kept.push(line)
    }
  }
  return kept
}
