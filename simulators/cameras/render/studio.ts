import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { build } from 'vite'
import type { MeshSource } from './meshes.ts'

/** What the detector knows, in the order of its outputs. */
export const labels = ['e-bike', 'bicycle', 'stroller', 'wheelchair', 'trolley', 'person'] as const

export type Label = (typeof labels)[number]
export type SequenceKind = 'empty' | 'person' | 'bicycle' | 'stroller' | 'e-bike'

/** Box in pixels of the visible parts; `inside` is the share of the object that is within the cab. */
export type Box = { id: number; label: Label; x: number; y: number; width: number; height: number; inside: number }
export type Shot = { jpeg: Buffer; boxes: Box[] }

/** What stills are made of and how; see main.ts. */
export type StudioOptions = { models?: readonly MeshSource[]; pairs?: boolean; cutouts?: boolean }

type PageStudio = {
  model(source: MeshSource): Promise<void>
  arrange(options: { pairs: boolean; cutouts: boolean }): void
  still(seed: number, index: number, width: number, height: number): Promise<{ jpeg: string; boxes: Box[] }>
  open(seed: number, kind: SequenceKind, width: number, height: number, framesPerSecond: number): number
  frame(index: number): Promise<{ jpeg: string; boxes: Box[] }>
}
declare const studio: PageStudio

/** One script with three.js in it, so that the page needs no server and no network. */
async function bundle(): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      minify: false,
      target: 'es2022',
      lib: { entry: fileURLToPath(new URL('page/page.ts', import.meta.url)), formats: ['iife'], name: 'page' },
    },
  })
  const output = Array.isArray(result) ? result[0] : result
  if (!output || !('output' in output)) throw new Error('the page was not bundled')
  return output.output[0].code
}

/** A headless browser that draws lift cabs on the CPU. */
export class Studio {
  readonly #browser: Browser
  readonly #page: Page

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser
    this.#page = page
  }

  static async open(options: StudioOptions = {}): Promise<Studio> {
    const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
    const code = await bundle()
    const browser = await chromium.launch({
      executablePath,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--use-angle=swiftshader',
        '--enable-unsafe-swiftshader',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
    })
    try {
      const page = await browser.newPage()
      page.on('pageerror', (error) => console.error(error.message))
      await page.setContent('<!doctype html><title>studio</title>')
      await page.addScriptTag({ content: code })
      for (const model of options.models ?? []) await page.evaluate((m) => studio.model(m), model)
      await page.evaluate((o) => studio.arrange(o), {
        pairs: options.pairs ?? false,
        cutouts: options.cutouts ?? false,
      })
      return new Studio(browser, page)
    } catch (error) {
      await browser.close()
      throw error
    }
  }

  /** Still `index` in the cab of `seed`. The same numbers give the same picture. */
  async still(seed: number, index: number, width: number, height: number): Promise<Shot> {
    const shot = await this.#page.evaluate(([s, i, w, h]) => studio.still(s, i, w, h), [
      seed,
      index,
      width,
      height,
    ] as const)
    return { jpeg: Buffer.from(shot.jpeg, 'base64'), boxes: shot.boxes }
  }

  /** Frames of an entry sequence, in order. */
  async *sequence(seed: number, kind: SequenceKind, width: number, height: number, framesPerSecond: number) {
    const count = await this.#page.evaluate(([s, k, w, h, r]) => studio.open(s, k, w, h, r), [
      seed,
      kind,
      width,
      height,
      framesPerSecond,
    ] as const)
    for (let index = 0; index < count; index++) {
      const shot = await this.#page.evaluate((i) => studio.frame(i), index)
      yield { jpeg: Buffer.from(shot.jpeg, 'base64'), boxes: shot.boxes }
    }
  }

  async close(): Promise<void> {
    await this.#browser.close()
  }
}
