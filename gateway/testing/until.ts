/** Resolves with the first truthy value of `look`, asked again and again; rejects naming `what` after `withinMs`. */
export async function until<T>(
  what: string,
  look: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  withinMs = 90_000,
  everyMs = 20,
): Promise<T> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const value = await look()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
