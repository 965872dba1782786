import { type InjectionKey, inject } from 'vue'
import type { Client } from './client.ts'

export const clientKey: InjectionKey<Client> = Symbol('client')

/** The client of this page; there is one for the whole application. */
export function useClient(): Client {
  const client = inject(clientKey)
  if (!client) throw new Error('the application did not provide a client')
  return client
}
