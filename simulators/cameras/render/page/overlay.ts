import type { Random } from './random.ts'

function two(n: number): string {
  return String(n).padStart(2, '0')
}

const weekdays = '日一二三四五六'

/** Date and time as recorders print them. */
export function timeText(at: Date, chinese: boolean): string {
  const date = `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`
  const clock = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`
  return chinese ? `${date} 星期${weekdays[at.getUTCDay()]} ${clock}` : `${date} ${clock}`
}

export function print(pen: CanvasRenderingContext2D, text: string, x: number, y: number, size: number): void {
  pen.font = `${size}px "DejaVu Sans Mono", monospace`
  pen.lineWidth = Math.max(1, size / 7)
  pen.strokeStyle = 'rgba(0,0,0,0.7)'
  pen.strokeText(text, x, y)
  pen.fillStyle = '#f4f4f4'
  pen.fillText(text, x, y)
}

/** What recorders and screens lay over a picture: time, channel, alignment frames, dark bars. */
export function overlay(pen: CanvasRenderingContext2D, random: Random, width: number, height: number): void {
  const size = height * random.range(0.035, 0.065)
  if (random.chance(0.6)) {
    const at = new Date(
      Date.UTC(
        random.int(2017, 2026),
        random.int(0, 11),
        random.int(1, 28),
        random.int(0, 23),
        random.int(0, 59),
        random.int(0, 59),
      ),
    )
    print(
      pen,
      timeText(at, random.chance(0.5)),
      width * random.range(0.01, 0.45),
      random.chance(0.8) ? size * 1.4 : height - size * 0.6,
      size,
    )
  }
  if (random.chance(0.4)) {
    const name = random.pick(['Camera 01', 'CH03', '1号电梯', '3栋2单元', 'C5-客梯', '电梯轿厢', 'LIFT-2'])
    print(pen, name, random.chance(0.5) ? width * 0.03 : width * 0.78, height - size * 0.8, size)
  }
  if (random.chance(0.08)) {
    pen.strokeStyle = random.pick(['#40e040', '#e04040', '#e8e040', '#40a0ff'])
    pen.lineWidth = random.range(1, 3)
    pen.strokeRect(
      random.next() * width * 0.6,
      random.next() * height * 0.6,
      random.range(0.1, 0.4) * width,
      random.range(0.2, 0.5) * height,
    )
  }
}
