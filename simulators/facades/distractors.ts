import type { WorldPoint } from './building.ts'
import { shapeAround } from './canvas.ts'
import { curtains, laundry, lights, type Maker, platform } from './wall-distractors.ts'

const luma = { bird: 35, drone: 45 }

/** Flies mostly across, flaps, glides, sometimes dives. */
const birds: Maker = (building, random) => {
  const flock = Array.from({ length: 1 + Math.floor(random() * 4) }, () => ({ delay: random() * 12, ...launch() }))
  function launch() {
    const side = random() < 0.5 ? -1 : 1
    const span = building.columns * building.columnWidthM
    const at: WorldPoint = {
      x: side * span * (0.8 + random()),
      out: 2 + random() * 12,
      up: (0.2 + random() * 0.9) * building.floors * building.floorHeightM,
    }
    const speed = 6 + random() * 8
    const isDiving = random() < 0.3
    return {
      at,
      heading: { x: -side * speed, up: isDiving ? -2 - random() * 6 : (random() - 0.5) * 3 },
      turn: (random() - 0.5) * 1.2,
      size: 0.15 + random() * 0.3,
      flap: 3 + random() * 6,
      time: random() * 5,
      shade: luma.bird + random() * 60,
    }
  }
  return {
    advance(dt) {
      for (const bird of flock) {
        bird.delay -= dt
        if (bird.delay > 0) continue
        bird.time += dt
        const lift = Math.sin(bird.time * 0.7) * bird.turn
        bird.heading.up += lift * dt * 4
        bird.at.x += bird.heading.x * dt
        bird.at.up += bird.heading.up * dt
        if (Math.abs(bird.at.x) > building.columns * building.columnWidthM * 2.2 || bird.at.up < -2)
          Object.assign(bird, launch(), { delay: 2 + random() * 15 })
      }
    },
    paint(canvas, margin) {
      for (const bird of flock) {
        if (bird.delay > 0) continue
        const p = building.project(bird.at)
        if (p.depth < 1) continue
        const isGliding = Math.sin(bird.time * 0.9) > 0.7
        const wing = isGliding ? 0.5 : 0.25 + 0.75 * Math.abs(Math.sin(bird.time * bird.flap))
        const size = bird.size * p.scale
        const shapes = [shapeAround(p.x + margin, p.y + margin, size * 1.3, size * (0.3 + wing), 0, true)]
        canvas.paint(shapes, bird.shade)
      }
    },
  }
}

/** Streaks: many fine ones, now and then one near the lens. */
const rain: Maker = (building, random, wind) => {
  const { width, height } = building
  const slant = wind * 0.04
  const drops = Array.from({ length: 50 + Math.floor(random() * 120) }, () => fresh(random() * height))
  function fresh(y: number) {
    const near = random() ** 3
    const length = (0.012 + near * 0.1) * height
    return { x: random() * width, y, length, speed: height * (1.6 + near * 5), wide: 0.5 + near * 2.2 * (width / 960) }
  }
  return {
    advance(dt) {
      for (const drop of drops) {
        drop.y += drop.speed * dt
        drop.x += drop.speed * slant * dt
        if (drop.y > height + drop.length) Object.assign(drop, fresh(-random() * 0.3 * height))
      }
    },
    paint(canvas, margin) {
      for (const { x, y, length, wide } of drops)
        canvas.paint([shapeAround(x + margin, y + margin, wide, length, -slant, false)], 215, 0.22)
    },
  }
}

const snow: Maker = (building, random, wind) => {
  const { width, height } = building
  const flakes = Array.from({ length: 60 + Math.floor(random() * 140) }, () => fresh(random() * height))
  function fresh(y: number) {
    const near = random() ** 2.5
    return {
      x: random() * width,
      y,
      size: (0.0015 + near * 0.008) * width,
      speed: height * (0.05 + near * 0.45),
      phase: random() * 7,
      near,
    }
  }
  let time = 0
  return {
    advance(dt) {
      time += dt
      for (const flake of flakes) {
        flake.y += flake.speed * dt * (1 + 0.2 * Math.sin(time * 2 + flake.phase))
        flake.x += (wind * 0.02 * width * (0.3 + flake.near) + Math.sin(time * 1.7 + flake.phase) * width * 0.012) * dt
        if (flake.y > height + 5) Object.assign(flake, fresh(-5))
        if (flake.x < -9) flake.x += width
        if (flake.x > width + 9) flake.x -= width
      }
    },
    paint(canvas, margin) {
      for (const { x, y, size } of flakes)
        canvas.paint([shapeAround(x + margin, y + margin, size, size, 0, true)], 240, 0.7)
    },
  }
}

/** Blown off trees and roof gardens: they drift with the wind as much as they sink. */
const leaves: Maker = (building, random, wind) => {
  const top = building.floors * building.floorHeightM
  const blow = (Math.abs(wind) + 0.8) * (wind < 0 ? -1 : 1)
  const fall = () => ({
    at: {
      x: (random() - 0.5) * building.columns * building.columnWidthM * 1.6,
      out: 1 + random() * 12,
      up: top * random() * 0.8,
    },
    size: 0.06 + random() * 0.08,
    sink: 0.7 + random() * 0.9,
    phase: random() * 7,
    rate: 2 + random() * 4,
    delay: random() * 10,
    drift: 0.6 + random(),
  })
  const all = Array.from({ length: 3 + Math.floor(random() * 9) }, fall)
  let time = 0
  return {
    advance(dt) {
      time += dt
      for (const leaf of all) {
        leaf.delay -= dt
        if (leaf.delay > 0) continue
        const swing = Math.sin(time * leaf.rate + leaf.phase)
        leaf.at.x += (blow * leaf.drift + swing * 1.2) * dt
        leaf.at.up -=
          leaf.sink * (1 - 0.6 * Math.abs(swing)) * dt - 0.35 * Math.max(0, Math.sin(time * 0.8 + leaf.phase)) * dt
        if (leaf.at.up < 0) Object.assign(leaf, fall())
      }
    },
    paint(canvas, margin) {
      for (const leaf of all) {
        if (leaf.delay > 0) continue
        const p = building.project(leaf.at)
        if (p.depth < 1) continue
        const turn = 0.3 + 0.7 * Math.abs(Math.sin(time * leaf.rate * 0.8 + leaf.phase))
        canvas.paint(
          [
            shapeAround(
              p.x + margin,
              p.y + margin,
              leaf.size * turn * p.scale,
              leaf.size * p.scale,
              time * leaf.rate,
              true,
            ),
          ],
          75,
        )
      }
    },
  }
}

/** Close to the lens: large, soft, fast, and in any direction. */
const insects: Maker = (building, random) => {
  const { width, height } = building
  const all = Array.from({ length: 1 + Math.floor(random() * 3) }, fresh)
  function fresh() {
    const angle = random() * 2 * Math.PI
    const speed = width * (0.2 + random() * 1.1)
    return {
      delay: random() * 8,
      x: width * random(),
      y: random() < 0.6 ? -20 : height * random(),
      vx: Math.cos(angle) * speed,
      vy: (random() < 0.6 ? Math.abs(Math.sin(angle)) : Math.sin(angle)) * speed,
      bend: (random() - 0.5) * 9,
      jitter: random() * 8,
      size: width * (0.004 + random() ** 2 * 0.03),
      shade: random() < 0.7 ? 30 + random() * 60 : 230,
    }
  }
  return {
    advance(dt) {
      for (const fly of all) {
        fly.delay -= dt
        if (fly.delay > 0) continue
        fly.bend += (random() - 0.5) * fly.jitter * 30 * dt
        fly.bend *= 0.98
        const [sin, cos] = [Math.sin(fly.bend * dt), Math.cos(fly.bend * dt)]
        ;[fly.vx, fly.vy] = [fly.vx * cos - fly.vy * sin, fly.vx * sin + fly.vy * cos]
        fly.x += fly.vx * dt
        fly.y += fly.vy * dt
        const isGone = fly.x < -60 || fly.x > width + 60 || fly.y < -60 || fly.y > height + 60
        if (isGone) Object.assign(fly, fresh(), { delay: 1 + random() * 8 })
      }
    },
    paint(canvas, margin) {
      for (const fly of all) {
        if (fly.delay > 0) continue
        for (const [grow, opacity] of [
          [1, 0.25],
          [0.7, 0.3],
          [0.4, 0.35],
        ] as const) {
          const moments = [0, 0.25, 0.5, 0.75].map((ago) =>
            shapeAround(
              fly.x + margin - fly.vx * ago * 0.02,
              fly.y + margin - fly.vy * ago * 0.02,
              fly.size * grow,
              fly.size * grow,
              0,
              true,
            ),
          )
          canvas.paint(moments, fly.shade, opacity)
        }
      }
    },
  }
}

/** Climbs, hovers, flies across and sinks, always at a steady speed. */
const drone: Maker = (building, random) => {
  const top = building.floors * building.floorHeightM
  const at = { x: (random() - 0.5) * 20, out: 3 + random() * 6, up: top * random() }
  let leg = { x: 0, up: 0, until: 0 }
  let time = 0
  return {
    advance(dt) {
      time += dt
      if (time > leg.until) {
        const kind = random()
        const speed = 1 + random() * 5
        if (kind < 0.35) leg = { x: 0, up: at.up > top * 0.4 ? -speed : speed, until: time + 1 + random() * 4 }
        else if (kind < 0.7)
          leg = { x: at.x > 0 ? -speed : speed, up: (random() - 0.5) * speed, until: time + 1 + random() * 3 }
        else leg = { x: 0, up: 0, until: time + 2 + random() * 3 }
      }
      at.x += leg.x * dt
      at.up = Math.min(top * 1.1, Math.max(3, at.up + leg.up * dt))
    },
    paint(canvas, margin) {
      const p = building.project(at)
      canvas.paint([shapeAround(p.x + margin, p.y + margin, 0.45 * p.scale, 0.14 * p.scale, 0, true)], luma.drone)
    },
  }
}

/** A window that swings or a car that passes throws a patch of sunlight over the wall. */
const glare: Maker = (building, random) => {
  const { width, height } = building
  const sun = { x: width * random(), y: height * random() * 0.5 }
  const fresh = () => ({
    x: width * random(),
    y: height * random(),
    vx: (random() - 0.5) * width * 0.5,
    vy: (random() - 0.3) * height * 0.5,
    left: 0.5 + random() * 2,
    wait: random() * 8,
  })
  let patch = fresh()
  let time = 0
  return {
    advance(dt) {
      time += dt
      patch.wait -= dt
      if (patch.wait > 0) return
      patch.left -= dt
      patch.x += patch.vx * dt
      patch.y += patch.vy * dt
      if (patch.left < 0) patch = fresh()
    },
    paint(canvas, margin) {
      const pulse = 1 + 0.06 * Math.sin(time * 0.8)
      for (const [grow, opacity] of [
        [1, 0.15],
        [0.6, 0.2],
        [0.3, 0.6],
      ] as const) {
        const size = width * 0.16 * grow * pulse
        canvas.paint([shapeAround(sun.x + margin, sun.y + margin, size, size, 0, true)], 250, opacity)
      }
      if (patch.wait > 0) return
      for (const [grow, opacity] of [
        [1, 0.2],
        [0.6, 0.25],
      ] as const)
        canvas.paint(
          [shapeAround(patch.x + margin, patch.y + margin, width * 0.03 * grow, width * 0.05 * grow, 0.4, false)],
          240,
          opacity,
        )
    },
  }
}

/** Every kind that is painted; what changes the whole picture is in picture-disturbance.ts. */
export const distractors = { birds, rain, snow, leaves, laundry, curtains, lights, insects, platform, drone, glare }

export type DistractorKind = keyof typeof distractors
