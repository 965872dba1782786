import { dingtalk } from './dingtalk.ts'
import { email } from './email.ts'
import { feishu } from './feishu.ts'
import type { NotifierDriver } from './notifier.ts'
import { ntfy } from './ntfy.ts'
import { sms } from './sms.ts'
import { voice } from './voice.ts'
import { webPush } from './web-push.ts'
import { webhook } from './webhook.ts'
import { wecom } from './wecom.ts'

/** Every notifier driver there is; a new one is a line here. */
export const notifierDrivers: readonly NotifierDriver[] = [
  dingtalk,
  wecom,
  feishu,
  sms,
  voice,
  email,
  webPush,
  ntfy,
  webhook,
]
