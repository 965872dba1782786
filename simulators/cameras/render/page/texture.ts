import * as THREE from 'three'
import type { Random } from './random.ts'

type Pen = CanvasRenderingContext2D

/** A texture drawn by hand on a canvas. */
export function drawn(width: number, height: number, draw: (pen: Pen, width: number, height: number) => void) {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  draw(canvas.getContext('2d')!, width, height)
  const texture = new THREE.CanvasTexture(canvas)
  texture.wrapS = texture.wrapT = THREE.RepeatWrapping
  texture.generateMipmaps = true
  return texture
}

function hsl(hue: number, saturation: number, lightness: number, alpha = 1): string {
  return `hsla(${hue * 360},${saturation * 100}%,${lightness * 100}%,${alpha})`
}

function speckle(pen: Pen, random: Random, width: number, height: number, count: number, size: number, alpha: number) {
  for (let i = 0; i < count; i++) {
    pen.fillStyle = hsl(random.next(), 0.1, random.next(), random.next() * alpha)
    pen.fillRect(random.next() * width, random.next() * height, size * random.next() + 1, size * random.next() + 1)
  }
}

/** Walls: brushed or etched steel, wood, stone, plain panels, protective boards. */
export function wallTexture(random: Random): { texture: THREE.Texture; reflects: number } {
  const kind = random.weighted({ steel: 34, plain: 26, wood: 16, stone: 8, board: 10, etched: 6 })
  const hue = kind === 'wood' ? random.range(0.02, 0.11) : random.pick([0.08, 0.1, 0.6, 0.55, 0])
  const tint =
    kind === 'wood' ? random.range(0.3, 0.7) : random.chance(0.25) ? random.range(0.15, 0.45) : random.range(0, 0.1)
  const light = kind === 'wood' ? random.range(0.15, 0.5) : random.range(0.3, 0.85)
  const panels = random.int(1, 4)
  const texture = drawn(256, 256, (pen, w, h) => {
    pen.fillStyle = hsl(hue, tint, light)
    pen.fillRect(0, 0, w, h)
    if (kind === 'steel' || kind === 'etched') {
      for (let x = 0; x < w; x++) {
        pen.fillStyle = hsl(hue, tint, light + random.normal() * 0.05, 0.5)
        pen.fillRect(x, 0, 1, h)
      }
      const sheen = pen.createLinearGradient(0, 0, w, 0)
      sheen.addColorStop(0, 'rgba(255,255,255,0)')
      sheen.addColorStop(random.range(0.2, 0.8), `rgba(255,255,255,${random.range(0.1, 0.4)})`)
      sheen.addColorStop(1, 'rgba(0,0,0,0.15)')
      pen.fillStyle = sheen
      pen.fillRect(0, 0, w, h)
    }
    if (kind === 'etched') {
      pen.strokeStyle = hsl(hue, tint, light + 0.2, 0.6)
      for (let i = 0; i < 40; i++) {
        pen.beginPath()
        pen.arc(random.next() * w, random.next() * h, random.range(6, 26), 0, random.range(1, 6))
        pen.stroke()
      }
    }
    if (kind === 'wood') {
      for (let i = 0; i < 220; i++) {
        pen.strokeStyle = hsl(hue + random.normal() * 0.01, tint, light + random.normal() * 0.08, 0.4)
        const x = random.next() * w
        const bend = random.range(-12, 12)
        pen.beginPath()
        pen.moveTo(x, 0)
        pen.bezierCurveTo(x + bend, h * 0.3, x - bend, h * 0.6, x + bend / 2, h)
        pen.stroke()
      }
    }
    if (kind === 'stone' || kind === 'board') speckle(pen, random, w, h, 900, kind === 'stone' ? 7 : 3, 0.25)
    pen.fillStyle = 'rgba(20,20,20,0.55)'
    for (let i = 0; i < panels; i++) pen.fillRect((i * w) / panels, 0, 2, h)
    if (random.chance(0.3)) pen.fillRect(0, h * random.range(0.3, 0.7), w, 2)
    if (random.chance(0.3)) speckle(pen, random, w, h, 80, 18, 0.2)
  })
  const reflects = kind === 'steel' || kind === 'etched' ? random.range(0.04, 0.3) : kind === 'stone' ? 0.08 : 0
  return { texture, reflects }
}

/** Floors: granite, rubber studs, checker plate, PVC, tiles. */
export function floorTexture(random: Random): THREE.Texture {
  const kind = random.weighted({ granite: 40, plain: 25, tiles: 15, checker: 12, parquet: 8 })
  const hue = random.pick([0.08, 0.1, 0.05, 0.6])
  const light = random.range(0.12, 0.55)
  const tint = random.range(0, 0.25)
  return drawn(256, 256, (pen, w, h) => {
    pen.fillStyle = hsl(hue, tint, light)
    pen.fillRect(0, 0, w, h)
    speckle(pen, random, w, h, kind === 'granite' ? 2600 : 500, kind === 'granite' ? 4 : 2, 0.35)
    pen.strokeStyle = hsl(hue, tint, light - 0.12, 0.8)
    if (kind === 'tiles' || kind === 'parquet') {
      const step = random.pick([32, 64, 128])
      for (let i = 0; i <= w; i += step) {
        pen.strokeRect(i, 0, 1, h)
        if (kind === 'tiles') pen.strokeRect(0, i, w, 1)
      }
    }
    if (kind === 'checker') {
      pen.lineWidth = 3
      for (let y = 0; y < h; y += 16)
        for (let x = 0; x < w; x += 16) {
          const flip = (x + y) % 32 === 0 ? 5 : -5
          pen.beginPath()
          pen.moveTo(x + 3, y + 8 - flip)
          pen.lineTo(x + 13, y + 8 + flip)
          pen.stroke()
        }
    }
    for (let i = 0; i < 6; i++) {
      const x = random.next() * w
      const y = random.next() * h
      const stain = pen.createRadialGradient(x, y, 0, x, y, random.range(10, 60))
      stain.addColorStop(0, `rgba(0,0,0,${random.range(0, 0.25)})`)
      stain.addColorStop(1, 'rgba(0,0,0,0)')
      pen.fillStyle = stain
      pen.fillRect(0, 0, w, h)
    }
  })
}

const phrases = [
  '电动车禁止入内',
  '星期一',
  '文明乘梯',
  '招租',
  '装修',
  '优惠',
  '幸福家园',
  '安全',
  'OPEN',
  '美好生活',
  '特价',
  '新品',
]

/** Posters and notices, the loudest things on a cab's walls: pictures, headlines, tables, rows of icons. */
export function posterTexture(random: Random): THREE.Texture {
  const kind = random.weighted({ advert: 55, notice: 25, icons: 12, dark: 8 })
  const hue = random.next()
  return drawn(128, 192, (pen, w, h) => {
    pen.fillStyle =
      kind === 'notice' || kind === 'icons'
        ? hsl(hue, 0.1, random.range(0.8, 0.97))
        : hsl(hue, random.range(0.3, 0.9), kind === 'dark' ? 0.15 : random.range(0.35, 0.85))
    pen.fillRect(0, 0, w, h)
    if (kind === 'advert' || kind === 'dark')
      for (let i = 0; i < 14; i++) {
        pen.fillStyle = hsl(hue + random.normal() * 0.2, random.next(), random.next(), random.range(0.4, 1))
        const shape = random.int(0, 2)
        const x = random.next() * w
        const y = random.next() * h
        pen.beginPath()
        if (shape === 0) pen.ellipse(x, y, random.range(4, 45), random.range(4, 45), random.next() * 3, 0, 7)
        else if (shape === 1) pen.rect(x, y, random.range(5, 70), random.range(3, 50))
        else {
          pen.moveTo(x, y)
          pen.lineTo(x + random.range(-60, 60), y + random.range(-60, 60))
          pen.lineTo(x + random.range(-60, 60), y + random.range(-60, 60))
        }
        pen.fill()
      }
    if (kind === 'icons')
      for (let y = 14; y < h - 12; y += 26)
        for (let x = 12; x < w - 8; x += 24) {
          pen.fillStyle = hsl(hue, 0.2, 0.35)
          pen.beginPath()
          pen.arc(x + 6, y + 6, 8, 0, 7)
          pen.fill()
        }
    pen.fillStyle = random.chance(0.5) ? '#ffffff' : hsl(random.next(), 0.8, 0.3)
    if (kind === 'notice') pen.fillStyle = '#303030'
    for (let i = 0; i < 3; i++) {
      const size = random.range(10, 30)
      pen.font = `bold ${size}px sans-serif`
      pen.fillText(random.pick(phrases), random.range(2, 50), random.range(20, h))
    }
    if (kind === 'notice') for (let y = 40; y < h - 10; y += 8) pen.fillRect(12, y, random.range(30, w - 26), 2)
    pen.lineWidth = 6
    pen.strokeStyle = random.pick(['#b0b0b0', '#303030', '#d8d0c0', hsl(hue, 0.5, 0.4)])
    pen.strokeRect(0, 0, w, h)
  })
}

/** Patterned cloth for coats, covers and quilts. */
export function clothTexture(random: Random, color: THREE.Color): THREE.Texture {
  const kind = random.weighted({ plain: 5, stripes: 2, dots: 2, camouflage: 1, print: 2 })
  return drawn(64, 64, (pen, w, h) => {
    pen.fillStyle = `#${color.getHexString()}`
    pen.fillRect(0, 0, w, h)
    const second = hsl(random.next(), random.next(), random.next(), 0.8)
    pen.fillStyle = second
    if (kind === 'stripes') for (let y = 0; y < h; y += 12) pen.fillRect(0, y, w, 5)
    if (kind === 'dots')
      for (let i = 0; i < 26; i++) {
        pen.beginPath()
        pen.arc(random.next() * w, random.next() * h, 3, 0, 7)
        pen.fill()
      }
    if (kind === 'camouflage' || kind === 'print')
      for (let i = 0; i < 22; i++) {
        if (kind === 'camouflage') pen.fillStyle = hsl(random.range(0.1, 0.3), 0.3, random.range(0.1, 0.4))
        pen.beginPath()
        pen.ellipse(
          random.next() * w,
          random.next() * h,
          random.range(3, 10),
          random.range(2, 7),
          random.next() * 3,
          0,
          7,
        )
        pen.fill()
      }
    for (let i = 0; i < 10; i++) {
      pen.fillStyle = `rgba(0,0,0,${random.next() * 0.18})`
      pen.fillRect(random.next() * w, 0, random.range(2, 8), h)
    }
  })
}

/** Ribbed or tufted door mats. */
export function matTexture(random: Random, color: THREE.Color): THREE.Texture {
  const ribs = random.chance(0.5)
  return drawn(128, 128, (pen, w, h) => {
    pen.fillStyle = `#${color.getHexString()}`
    pen.fillRect(0, 0, w, h)
    speckle(pen, random, w, h, 700, 2, 0.2)
    pen.fillStyle = 'rgba(0,0,0,0.15)'
    if (ribs) for (let y = 0; y < h; y += 6) pen.fillRect(0, y, w, 2)
    pen.strokeStyle = 'rgba(0,0,0,0.4)'
    pen.lineWidth = 4
    pen.strokeRect(0, 0, w, h)
  })
}

/** A wire mesh with holes, for baskets and trolleys. */
export function meshTexture(color: string): THREE.Texture {
  return drawn(64, 64, (pen, w, h) => {
    pen.clearRect(0, 0, w, h)
    pen.strokeStyle = color
    pen.lineWidth = 3
    for (let i = 0; i <= w; i += 8) {
      pen.beginPath()
      pen.moveTo(i, 0)
      pen.lineTo(i, h)
      pen.moveTo(0, i)
      pen.lineTo(w, i)
      pen.stroke()
    }
  })
}

/** The soft dark patch under things that stand on the floor. */
export function contactShadow(): THREE.Texture {
  return drawn(64, 64, (pen) => {
    const patch = pen.createRadialGradient(32, 32, 2, 32, 32, 32)
    patch.addColorStop(0, 'rgba(0,0,0,0.75)')
    patch.addColorStop(0.5, 'rgba(0,0,0,0.4)')
    patch.addColorStop(1, 'rgba(0,0,0,0)')
    pen.fillStyle = patch
    pen.fillRect(0, 0, 64, 64)
  })
}
