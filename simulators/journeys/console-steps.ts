import type { Page } from 'playwright-core'

/** Makes an account for a caregiver on the page of accounts, in Chinese. Returns its password. */
export async function addAccount(desk: Page, account: string, person: string): Promise<string> {
  await desk.getByRole('link', { name: '账号' }).click()
  await desk.getByLabel('用户名').fill(account)
  await desk.getByLabel('角色').selectOption({ label: '照护人' })
  await desk.locator('form.fields').getByLabel('对应人员').selectOption({ label: person })
  await desk.getByRole('button', { name: '生成' }).click()
  const password = await desk.getByLabel('首个密码').inputValue()
  await desk.getByRole('button', { name: '建立账号' }).click()
  await desk.getByText(`已建立账号 ${account}`).waitFor()
  return password
}
