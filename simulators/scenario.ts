import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** One line of a timeline. Exactly one thing happens. */
export type ScenarioStep = { at: number } & (
  | { show: string; camera: string }
  | { camera: string; is: 'unplugged' | 'plugged' | 'stalled' }
  | { device: string; reports: Record<string, number | boolean | string> }
  | { device: string; happens: string }
  | { device: string; vanishes: true }
  | { platform: Record<string, unknown> }
)

export interface Scenario {
  name: { zh: string; en: string }
  /** Seconds after which it begins again; absent: it plays once. */
  repeatAfter?: number
  steps: ScenarioStep[]
}

/** What a timeline acts on. */
export interface Stage {
  show(camera: string, clip: string): Promise<unknown>
  setCamera(camera: string, state: 'unplugged' | 'plugged' | 'stalled'): void
  report(device: string, values: Record<string, number | boolean | string>): Promise<void>
  happen(device: string, incident: string): Promise<void>
  vanish(device: string): void
  setPlatform(change: Record<string, unknown>): void
}

/** @throws Error that names the file and the step */
export function readScenario(file: string | URL): Scenario {
  const scenario = parse(readFileSync(file, 'utf8')) as Scenario
  for (const [index, step] of scenario.steps.entries()) {
    const isKnown =
      'show' in step ||
      'is' in step ||
      'reports' in step ||
      'happens' in step ||
      'vanishes' in step ||
      'platform' in step
    if (typeof step.at !== 'number' || !isKnown)
      throw new Error(
        `${file}: step ${index + 1} needs "at" (seconds) and one of show, is, reports, happens, vanishes, platform`,
      )
  }
  return scenario
}

/** Plays a timeline until it ends or is aborted. */
export async function playScenario(
  scenario: Scenario,
  stage: Stage,
  options: {
    signal: AbortSignal
    onStep?(step: ScenarioStep): void
    onError?(step: ScenarioStep, error: unknown): void
  },
): Promise<void> {
  const { signal } = options
  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) return resolve()
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, Math.max(0, ms))
      signal.addEventListener('abort', end, { once: true })
    })
  do {
    const begun = Date.now()
    for (const step of [...scenario.steps].sort((a, b) => a.at - b.at)) {
      await sleep(begun + step.at * 1000 - Date.now())
      if (signal.aborted) return
      options.onStep?.(step)
      await act(step, stage).catch((error) => options.onError?.(step, error))
    }
    if (scenario.repeatAfter !== undefined) await sleep(begun + scenario.repeatAfter * 1000 - Date.now())
  } while (scenario.repeatAfter !== undefined && !signal.aborted)
}

async function act(step: ScenarioStep, stage: Stage): Promise<unknown> {
  if ('show' in step) return stage.show(step.camera, step.show)
  if ('is' in step) return stage.setCamera(step.camera, step.is)
  if ('reports' in step) return stage.report(step.device, step.reports)
  if ('happens' in step) return stage.happen(step.device, step.happens)
  if ('vanishes' in step) return stage.vanish(step.device)
  return stage.setPlatform(step.platform)
}
