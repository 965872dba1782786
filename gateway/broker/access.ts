import { compileFilters, covers } from './topic-filter.ts'

/** What a client is to the site; decides its topics, its packet size and whether its rate is limited. */
export type Role = 'device' | 'gateway' | 'bridge' | 'monitor'

export const roles: readonly Role[] = ['device', 'gateway', 'bridge', 'monitor']

/** What the access rules need of a client's credential. */
export interface AccessSubject {
  id: string
  role: Role
  publish?: readonly string[]
  subscribe?: readonly string[]
}

/** One client's rights, compiled. Answers are synchronous: an asynchronous one would reorder a client's messages. */
export interface Access {
  mayPublish(topic: string, retain: boolean): boolean
  maySubscribe(filter: string): boolean
}

/**
 * The rules, one row per role. `publish` and `subscribe` of the credential are added to them.
 *
 * | role    | publishes                                  | retains                 | subscribes              |
 * |---------|--------------------------------------------|-------------------------|-------------------------|
 * | device  | `…/<id>/up`, `…/<id>/up/#`, `…/<id>/status`| `…/<id>/status`         | `…/<id>/down`, `…/down/#` |
 * | bridge  | the same                                   | all it may publish      | the same                |
 * | gateway | `site/<site>/#`                            | all it may publish      | `site/<site>/#`, `$SYS/#` |
 * | monitor | `…/<id>/status`                            | `…/<id>/status`         | `site/<site>/#`, `$SYS/#` |
 *
 * Nobody publishes below `$`; a device subscribes to nothing that starts with a wildcard, whatever its credential says.
 */
export function compileAccess(site: string, subject: AccessSubject): Access {
  const all = `site/${site}/#`
  const own = `site/${site}/${subject.id}`
  const status = `${own}/status`
  const ownPublish = [`${own}/up`, `${own}/up/#`, status]
  const ownSubscribe = [`${own}/down`, `${own}/down/#`]
  const rights: Record<Role, { publish: string[]; subscribe: string[] }> = {
    device: { publish: ownPublish, subscribe: ownSubscribe },
    bridge: { publish: ownPublish, subscribe: ownSubscribe },
    gateway: { publish: [all], subscribe: [all, '$SYS/#'] },
    monitor: { publish: [status], subscribe: [all, '$SYS/#'] },
  }
  const right = rights[subject.role]
  const publish = compileFilters([...right.publish, ...(subject.publish ?? [])])
  const subscribe = [...right.subscribe, ...(subject.subscribe ?? [])].map((filter) => filter.split('/'))
  const retainsAll = subject.role === 'gateway' || subject.role === 'bridge'
  return {
    mayPublish: (topic, retain) =>
      !topic.startsWith('$') && publish(topic) && (!retain || retainsAll || topic === status),
    maySubscribe: (filter) => {
      // Shared subscriptions do not exist in MQTT 3.1.1; a client that asks for one must learn that it has none.
      if (filter.startsWith('$share/')) return false
      if (subject.role === 'device' && /^[#+$]/.test(filter)) return false
      const asked = filter.split('/')
      return subscribe.some((allowed) => covers(allowed, asked))
    },
  }
}
