import t from 'tap'
import { Type } from 'typebox'
import { withDefaults } from './defaults.ts'

const storey = Type.Object({ heightM: Type.Number({ default: 3 }), name: Type.Optional(Type.String()) })

t.test('what is left out below a name of the site gets its default, however deep it stands', async (t) => {
  const schema = Type.Object({
    byCamera: Type.Record(Type.String(), storey, { default: {} }),
    buildings: Type.Array(Type.Object({ facades: Type.Record(Type.String(), Type.Array(storey)) })),
  })
  t.same(
    withDefaults(schema, { byCamera: { east: {}, west: { heightM: 2.8 } }, buildings: [{ facades: { north: [{}] } }] }),
    {
      byCamera: { east: { heightM: 3 }, west: { heightM: 2.8 } },
      buildings: [{ facades: { north: [{ heightM: 3 }] } }],
    },
  )
  t.same(withDefaults(schema, { buildings: [] }), { byCamera: {}, buildings: [] })
})

t.test('what is no object at all is left to the check that follows', async (t) => {
  t.same(withDefaults(Type.Record(Type.String(), storey), { east: 'three' }), { east: 'three' })
  t.equal(withDefaults(storey, null), null)
})
