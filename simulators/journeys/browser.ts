import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

const executablePath = '/usr/bin/chromium'

/** Debian's Chromium, alone: no look-ups of its own in the network. */
export function launch(): Promise<Browser> {
  if (!existsSync(executablePath)) throw new Error('chromium is not installed: apt-get install chromium')
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** Logs in at the console and waits for the first page: that of alarms, for caregivers that of their people. */
export async function logIn(
  page: Page,
  url: string,
  password: string,
  name = 'admin',
  first = '/alarms',
): Promise<void> {
  await page.goto(url)
  await page.fill('input[autocomplete=username]', name)
  await page.fill('input[type=password]', password)
  await page.click('form button')
  await page.waitForURL(({ pathname }) => pathname === first)
}
