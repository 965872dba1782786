import { parseArgs } from 'node:util'
import { createGridPlatform } from './platform.ts'

const usage = `grid-platform: a simulated city platform that speaks grid-rest.

  main.ts --data-dir <folder> --key-id <id> --secret <secret> --site <site> [--port 0] [--host 127.0.0.1]
          [--webhook <url>] [--behaviour <json>]
`

const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string' },
    'key-id': { type: 'string', default: 'demo' },
    secret: { type: 'string' },
    site: { type: 'string', default: 'demo' },
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    webhook: { type: 'string' },
    behaviour: { type: 'string', default: '{}' },
    help: { type: 'boolean', short: 'h' },
  },
})
const secret = values.secret ?? process.env.GRID_PLATFORM_SECRET
if (values.help || values['data-dir'] === undefined || secret === undefined) {
  process.stdout.write(usage)
  process.exit(values.help ? 0 : 64)
}
try {
  const platform = await createGridPlatform({
    port: Number(values.port),
    host: values.host,
    dataDir: values['data-dir'],
    secrets: {
      [values['key-id']]: {
        secret,
        site: values.site,
        ...(values.webhook === undefined ? {} : { webhookUrl: values.webhook }),
      },
    },
    behaviour: JSON.parse(values.behaviour),
  })
  process.stdout.write(`${JSON.stringify({ url: platform.url, pageUrl: platform.pageUrl, port: platform.port })}\n`)
  const stop = () => void platform.stop().then(() => process.exit(0))
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
} catch (error) {
  process.stderr.write(`grid-platform: ${(error as Error).message}\n`)
  process.exit(1)
}
