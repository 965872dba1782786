import type { Alarm, Evidence } from '../core/alarm.ts'
import type { ThrowReport } from '../core/throw.ts'
import type { SiteView } from './schemas/index.ts'

export interface PoliceReport {
  alarm: Alarm
  thrown: ThrowReport
  site: SiteView
  /** With the path drawn over it, unmasked; JPEG. */
  picture?: Uint8Array
  files: ReadonlyArray<{ name: string; bytes: number; sha256: string; evidence?: Evidence }>
  /** First and last row of the journal about it. */
  journal: { first: number; last: number; headSeq: number; headHash: string }
  madeAt: number
  madeBy: string
  timeZone: string
}

/** One page A4 in Chinese that can be printed and signed; nothing in it is loaded from elsewhere. */
export function policeReport(report: PoliceReport): string {
  const { alarm, thrown, site, picture, files, journal } = report
  const moment = (at: number) =>
    new Intl.DateTimeFormat('zh-CN', {
      ...{ dateStyle: 'long', timeStyle: 'medium', hour12: false, timeZone: report.timeZone },
    }).format(at)
  const building = site.buildings.find(({ id }) => id === alarm.place.building)?.name.zh ?? alarm.place.building
  const camera = site.cameras.find(({ id }) => id === alarm.source.id)?.name.zh ?? alarm.source.id
  const { origin, endSpeedMs, toGroundS } = thrown
  const rows: Array<[string, string | undefined]> = [
    ['小区', site.name.zh],
    ['楼栋 / 单元', [building, alarm.place.unit].filter(Boolean).join(' ') || '未登记'],
    ['发生时间', `${moment(alarm.raisedAt)}（${report.timeZone}）`],
    [
      '推算楼层',
      origin ? `${origin.floor} 层（误差范围 ${origin.floorFrom} 至 ${origin.floorTo} 层）` : '摄像机未标定，无法推算',
    ],
    ['推算位置', origin?.column === undefined ? undefined : `立面左起第 ${origin.column} 户`],
    [
      '末见速度',
      endSpeedMs === undefined
        ? undefined
        : `${endSpeedMs.toFixed(1)} 米/秒（${Math.round(endSpeedMs * 3.6)} 千米/时）`,
    ],
    ['落地时间', toGroundS === undefined ? undefined : `最后看到后约 ${toGroundS.toFixed(1)} 秒（不计空气阻力）`],
    ['判定把握', `${Math.round(alarm.certainty * 100)}%（算法推算，供调查参考，不能单独作为认定依据）`],
    ['摄像机', `${camera}（${alarm.source.id}）`],
    ['警情编号', alarm.id],
    [
      '日志存证',
      `第 ${journal.first} 至 ${journal.last} 条；链首至第 ${journal.headSeq} 条，末条哈希 ${journal.headHash}`,
    ],
    ['导出', `${moment(report.madeAt)}，操作账号 ${report.madeBy}`],
  ]
  const facts = rows
    .filter((row): row is [string, string] => row[1] !== undefined)
    .map(([name, value]) => `<tr><th>${escaped(name)}</th><td>${escaped(value)}</td></tr>`)
  const sums = files.map(
    ({ name, bytes, sha256 }) =>
      `<tr><td>${escaped(name)}</td><td class="n">${bytes}</td><td class="h">${sha256}</td></tr>`,
  )
  const image = picture
    ? `<img alt="轨迹合成图" src="data:image/jpeg;base64,${Buffer.from(picture).toString('base64')}">`
    : '<p>轨迹合成图缺失。</p>'
  return `<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>高空抛物线索报告 ${escaped(alarm.id)}</title>
<style>
@page { size: A4; margin: 12mm }
body { font: 10pt/1.4 "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", sans-serif; margin: 0 auto; max-width: 186mm }
h1 { font-size: 16pt; text-align: center; margin: 0 0 3mm }
table { border-collapse: collapse; width: 100%; margin: 0 0 3mm }
th, td { border: 0.3mm solid #555; padding: 0.6mm 1.5mm; text-align: left; vertical-align: top; overflow-wrap: anywhere }
th { width: 24mm; white-space: nowrap; background: #eee }
img { display: block; width: 100%; max-height: 92mm; object-fit: contain; margin: 0 0 3mm }
.n { text-align: right; white-space: nowrap }
.h { font: 7pt monospace }
.s { display: flex; gap: 10mm; margin-top: 6mm }
.s p { flex: 1; border-top: 0.3mm solid #555; margin: 0; padding-top: 1mm }
</style></head><body>
<h1>高空抛物线索报告</h1>
<table>${facts.join('')}</table>
${image}
<table><tr><th>文件</th><th>字节</th><th>SHA-256</th></tr>${sums.join('')}</table>
<p>材料含未遮挡的住户窗户与阳台，仅供公安机关调查使用，不得外传。红色为物体轨迹，黄色为同一物体的镜像或碎片，绿色虚线为推算落点。</p>
<div class="s"><p>物业经办人（签字）</p><p>接收民警（签字）</p><p>日期</p></div>
</body></html>
`
}

function escaped(text: string): string {
  return text.replace(/[<>&"']/g, (c) => `&#${c.charCodeAt(0)};`)
}
