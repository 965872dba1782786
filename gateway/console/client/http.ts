import type { ErrorBody, FieldError, Why } from '../../api/schemas/index.ts'

/** What the gateway refused or could not do, in its own words. */
export class ApiProblem extends Error {
  readonly code: string
  readonly status: number
  /** Every field that is wrong, and how. */
  readonly details: readonly FieldError[]
  /** The message for translation, where it has a key. */
  readonly phrase: Why | undefined
  constructor(status: number, code: string, message: string, details: readonly FieldError[] = [], phrase?: Why) {
    super(message)
    this.name = 'ApiProblem'
    this.status = status
    this.code = code
    this.details = details
    this.phrase = phrase
  }
}

export interface Http {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
  /** Text of a file, as CSV. */
  postTable<T>(path: string, table: Blob): Promise<T>
  put<T>(path: string, body: unknown): Promise<T>
  patch<T>(path: string, body: unknown): Promise<T>
  delete(path: string, body?: unknown): Promise<void>
}

const timeoutMs = 15_000

/** Requests to `/api/v1` with the session's cookie and CSRF token. */
export function createHttp(options: { csrfToken(): string; onUnauthenticated(): void }): Http {
  async function request(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`/api/v1${path}`, {
      method,
      credentials: 'same-origin',
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        ...(body === undefined ? {} : { 'content-type': body instanceof Blob ? 'text/csv' : 'application/json' }),
        ...(method === 'GET' ? {} : { 'x-csrf-token': options.csrfToken() }),
      },
      ...(body === undefined ? {} : { body: body instanceof Blob ? body : JSON.stringify(body) }),
    }).catch((error) => {
      throw new ApiProblem(0, 'unreachable', (error as Error).message)
    })
    if (response.status === 204) return undefined
    const answer = await response.json().catch(() => undefined)
    if (response.ok) return answer
    const problem = (answer as Partial<ErrorBody> | undefined)?.error
    if (response.status === 401 && path !== '/session') options.onUnauthenticated()
    throw new ApiProblem(
      response.status,
      problem?.code ?? 'unknown',
      problem?.message ?? response.statusText,
      problem?.details,
      problem?.phrase,
    )
  }
  return {
    get: <T>(path: string) => request('GET', path) as Promise<T>,
    post: <T>(path: string, body?: unknown) => request('POST', path, body ?? {}) as Promise<T>,
    postTable: <T>(path: string, table: Blob) => request('POST', path, table) as Promise<T>,
    put: <T>(path: string, body: unknown) => request('PUT', path, body) as Promise<T>,
    patch: <T>(path: string, body: unknown) => request('PATCH', path, body) as Promise<T>,
    delete: (path, body) => request('DELETE', path, body) as Promise<void>,
  }
}
