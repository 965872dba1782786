import { join } from 'node:path'
import fastify from 'fastify'
import { gridRestApi, type SiteKey } from './api.ts'
import { type Behaviour, type BehaviourChange, changeBehaviour, defaultBehaviour } from './behaviour.ts'
import { controlApi } from './control.ts'
import type { State } from './messages.ts'
import { createStore, type GridCase, type HistoryRow, type StreamReport } from './store.ts'
import { createWebhookSender } from './webhooks.ts'
import { createWorkflow, type ManualMove } from './workflow.ts'

export interface GridPlatformOptions {
  /** 0: any free port. */
  port: number
  /** Default 127.0.0.1. */
  host?: string
  dataDir: string
  /** Keys of the sites, by key id. */
  secrets: Record<string, SiteKey>
  behaviour?: BehaviourChange
  /** For tests. */
  now?: () => number
  random?: () => number
}

export interface Ledger {
  cases: Array<Pick<GridCase, 'ref' | 'site' | 'caseId' | 'state' | 'openedAt' | 'report'> & { history: HistoryRow[] }>
  deliveries: Array<{ key: string; site: string; kind: string; ref: string; received: number; firstAt: number }>
}

export interface GridPlatform {
  /** Address of the grid-rest interface, for the `url` of an upstream. */
  readonly url: string
  /** Address of the page for people. */
  readonly pageUrl: string
  readonly port: number
  stop(): Promise<void>
  behave(change: BehaviourChange): void
  setWebhook(keyId: string, webhookUrl: string): void
  /** Takes a step by hand; why not, if it may not be taken. */
  take(ref: string, move: ManualMove): string | undefined
  ledger(): Ledger
  evidence(ref: string): Array<{ evidenceId: string; sha256: string }>
  sequence(site: string): StreamReport[]
  /** Everything the site was or will be told, oldest first, as it travels. */
  events(site: string): Array<{ id: string; ref: string; to: State }>
  state(ref: string): State | undefined
}

const apiPrefix = '/grid/v1'
const bodyLimitBytes = 80 * 1024 * 1024
const longestPauseMs = 500

/**
 * A grid platform that speaks docs/reference/grid-rest.yaml, keeps its books in SQLite and can be told to misbehave.
 * Rejects when the port is taken or the directory cannot be written.
 */
export async function createGridPlatform(options: GridPlatformOptions): Promise<GridPlatform> {
  const started = changeBehaviour(defaultBehaviour, options.behaviour ?? {})
  if ('problem' in started) throw new Error(`behaviour: ${started.problem}`)
  let behaviour: Behaviour = started
  const keys = { ...options.secrets }
  const realNow = options.now ?? Date.now
  const now = () => realNow() + behaviour.clockOffsetMs
  const store = createStore(options.dataDir)
  const workflow = createWorkflow(store, () => behaviour, now)
  const webhooks = createWebhookSender({ store, keys: () => keys, behaviour: () => behaviour, now })
  const stopping = new AbortController()
  let isWoken = false
  let endPause = () => {}
  const wake = () => {
    isWoken = true
    endPause()
  }

  const evidenceDir = join(options.dataDir, 'evidence')
  const server = fastify({ bodyLimit: bodyLimitBytes, forceCloseConnections: true })
  await server.register(
    async (api) =>
      gridRestApi(api, {
        store,
        workflow,
        behaviour: () => behaviour,
        keys: () => keys,
        now,
        random: options.random ?? Math.random,
        evidenceDir,
        onChange: wake,
      }),
    { prefix: apiPrefix },
  )
  await server.register(async (control) =>
    controlApi(control, {
      store,
      workflow,
      behaviour: () => behaviour,
      setBehaviour: (changed) => {
        behaviour = changed
      },
      evidenceDir,
      onChange: wake,
    }),
  )
  try {
    await server.listen({ host: options.host ?? '127.0.0.1', port: options.port })
  } catch (error) {
    store.close()
    throw error
  }
  const address = server.server.address()
  const port = typeof address === 'object' && address ? address.port : options.port
  const origin = `http://${options.host ?? '127.0.0.1'}:${port}`

  /** Returns at once when something changed since the last look. */
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, isWoken ? 0 : ms)
      endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  async function work(): Promise<void> {
    while (!stopping.signal.aborted) {
      isWoken = false
      const nextAt = workflow.tick()
      await webhooks.runOnce(stopping.signal)
      if (stopping.signal.aborted) return
      await pause(Math.max(0, Math.min(longestPauseMs, (nextAt ?? Number.POSITIVE_INFINITY) - now())))
    }
  }
  const working = work()

  return {
    url: origin + apiPrefix,
    pageUrl: `${origin}/`,
    port,
    async stop() {
      stopping.abort()
      wake()
      await server.close()
      await working
      store.close()
    },
    behave(change) {
      const changed = changeBehaviour(behaviour, change)
      if ('problem' in changed) throw new Error(`behaviour: ${changed.problem}`)
      behaviour = changed
      wake()
    },
    setWebhook(keyId, webhookUrl) {
      const key = keys[keyId]
      if (!key) throw new Error(`no key ${keyId}`)
      keys[keyId] = { ...key, webhookUrl }
      wake()
    },
    take(ref, move) {
      const refused = workflow.take(ref, move)
      wake()
      return refused
    },
    ledger: () => ({
      cases: store.cases(1_000_000).map(({ ref, site, caseId, state, openedAt, report }) => ({
        ref,
        site,
        caseId,
        state,
        openedAt,
        report,
        history: store.history(ref),
      })),
      deliveries: store.deliveries(),
    }),
    evidence: (ref) => store.evidence(ref).map(({ evidenceId, sha256 }) => ({ evidenceId, sha256 })),
    sequence: (site) => store.sequence(site),
    events: (site) => store.events(site, 0, 1_000_000).map(({ body }) => JSON.parse(body)),
    state: (ref) => store.case(ref)?.state,
  }
}
