import { readFileSync } from 'node:fs'
import t from 'tap'
import { driverSchemas } from '../drivers.ts'
import { siteSchema } from './schema.ts'

t.test('the JSON Schema that editors are pointed to is the one the gateway checks with', async (t) => {
  const published = JSON.parse(readFileSync(new URL('../../docs/reference/site.schema.json', import.meta.url), 'utf8'))
  const own = JSON.parse(JSON.stringify(siteSchema(driverSchemas, 'editor')))
  t.same(published, own, 'write it anew: npx gridgate schema > docs/reference/site.schema.json')
})
