import type { Http } from './http.ts'

/** The most the gateway gives at once. */
const pageSize = 500
/** Far beyond what anybody can work off; a page that never ends must not keep the console from showing anything. */
const mostPages = 20

/**
 * All items of a list of the API, newest first: what needs a person must not fall off the end of a page.
 * @param path with its filters, below `/api/v1`
 */
export async function everyPage<T>(get: Http['get'], path: string): Promise<T[]> {
  const found: T[] = []
  let before: string | undefined
  for (let n = 0; n < mostPages; n++) {
    const place = before === undefined ? '' : `&before=${encodeURIComponent(before)}`
    const page = await get<{ items: T[]; nextBefore?: string }>(`${path}&limit=${pageSize}${place}`)
    found.push(...page.items)
    before = page.nextBefore
    if (before === undefined) break
  }
  return found
}
