import { type State, stateNamesZh } from './messages.ts'
import type { GridCase, HistoryRow, Store, StreamReport } from './store.ts'

const severityZh: Record<string, string> = {
  informational: '提示 informational',
  low: '低 low',
  medium: '中 medium',
  high: '高 high',
  critical: '紧急 critical',
}
const steps: ReadonlyArray<[string, readonly State[]]> = [
  ['发现', ['reported']],
  ['立案', ['filed', 'rejected']],
  ['派遣', ['dispatched', 'returned']],
  ['处置', ['accepted', 'handling', 'handled', 'rework']],
  ['核查', ['verified']],
  ['结案', ['closed']],
]

/** The platform's desk for a person to look at: cases with their steps, and what of each site has not arrived. */
export function renderPage(store: Store): string {
  const cases = store.cases(100)
  const duplicates = store.deliveries().reduce((sum, { received }) => sum + received - 1, 0)
  return `<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>网格化综合管理平台（模拟） · Grid platform (simulated)</title><style>
:root{font:15px/1.5 "Noto Sans SC","Noto Sans CJK SC",system-ui,sans-serif;color:#17212b;background:#eef2f6}
body{margin:0 auto;max-width:72rem;padding:1.5rem}h1{font-size:1.35rem;margin:0}small,.en{color:#5b6b7b;font-weight:400}
header{display:flex;justify-content:space-between;align-items:end;gap:1rem;flex-wrap:wrap;margin-bottom:1rem}
section,article{background:#fff;border:1px solid #d5dde5;border-radius:.5rem;padding:1rem;margin-bottom:.8rem}
article h2{font-size:1.05rem;margin:0 0 .3rem}.steps{display:flex;gap:.3rem;list-style:none;padding:0;margin:.6rem 0;flex-wrap:wrap}
.steps li{padding:.15rem .8rem;border-radius:1rem;background:#e6ebf0;color:#5b6b7b}.steps li.done{background:#cfe8d6;color:#135c2c}
.steps li.now{background:#0b5cad;color:#fff}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem .2rem 0;vertical-align:top}
th{font-weight:600;color:#5b6b7b}.gap{color:#a3330b;font-weight:600}.late td{color:#8793a0}img{max-height:9rem;border-radius:.3rem;margin:.3rem .5rem 0 0}
details summary{cursor:pointer;color:#0b5cad}</style></head><body>
<header><h1>网格化综合管理平台（模拟） <small>Grid platform, simulated</small></h1>
<div>案件 ${store.countCases()} 件 · 重复报送已识别 ${duplicates} 次 <span class="en">cases · duplicates recognised</span></div></header>
<section><table><tr><th>站点 Site</th><th>序列 Stream</th><th>已收 Received</th><th>最新 Head</th><th>缺号 Missing</th></tr>
${
  store
    .sites()
    .map((site) => renderSite(site, store.sequence(site)))
    .join('') || '<tr><td colspan="5">还没有报送 Nothing has arrived yet</td></tr>'
}
</table></section>
${cases.map((current) => renderCase(current, store.history(current.ref), store.evidence(current.ref))).join('')}
</body></html>`
}

function renderSite(site: string, streams: StreamReport[]): string {
  return streams
    .map(({ stream, received, head, missing }) => {
      const gaps = missing.map(([from, to]) => (from === to ? from : `${from}–${to}`)).join(', ')
      return `<tr><td>${text(site)}</td><td><small>${text(stream.slice(0, 8))}</small></td><td>${received}</td><td>${head}</td>
<td>${gaps ? `<span class="gap">${text(gaps)}</span>` : '无 none'}</td></tr>`
    })
    .join('')
}

function renderCase(
  current: GridCase,
  history: HistoryRow[],
  evidence: Array<{ evidenceId: string; meta: { contentType: string; type?: string } }>,
): string {
  const { report, state, ref } = current
  const { matter } = report
  const reached = steps.findIndex(([, states]) => states.includes(state))
  const chips = steps.map(([name, states], index) => {
    const label = index === reached && states.length > 1 ? stateNamesZh[state] : name
    return `<li class="${index === reached ? 'now' : index < reached ? 'done' : ''}">${label}</li>`
  })
  const files = evidence.map(({ evidenceId, meta }) => {
    const url = `/evidence/${encodeURIComponent(ref)}/${encodeURIComponent(evidenceId)}`
    return meta.contentType.startsWith('image/')
      ? `<a href="${url}"><img src="${url}" alt="现场照片 ${text(evidenceId)}"></a>`
      : `<a href="${url}">视频 ${text(meta.type ?? 'clip')} ${text(evidenceId)}</a>`
  })
  return `<article><h2>${text(matter.SXMC)} <small>${text(ref)} ← ${text(report.case.number)} · ${text(current.site)}</small></h2>
<div>${severityZh[report.case.severity] ?? ''} · 事发位置 ${text(matter.SFWZ)} · 事项代码 ${text(matter.SXDM ?? '待定')} · 单元网格 ${text(matter.SZDYWGBSM ?? '待定')} · 主管部门 ${text(matter.ZGBMMC ?? '待定')}</div>
<ol class="steps">${chips.join('')}</ol>${files.join('')}
<details><summary>办理过程 History (${history.length})</summary><table>
${history.map(renderStep).join('')}</table></details></article>`
}

function renderStep({ to, at, origin, isApplied, details }: HistoryRow): string {
  const who = [details.organisation, details.actorName].filter(Boolean).join(' ')
  const words = [details.unit, details.note, details.reason].filter(Boolean).join(' · ')
  return `<tr class="${isApplied ? '' : 'late'}"><td>${new Date(at).toLocaleString('zh-CN', { hour12: false })}</td>
<td>${stateNamesZh[to]} <span class="en">${to}</span></td><td>${origin === 'site' ? '现场 site' : '平台 platform'}</td><td>${text(who)}</td><td>${text(words)}${isApplied ? '' : '（仅记录 recorded only）'}</td></tr>`
}

function text(value: string | number): string {
  return String(value).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
