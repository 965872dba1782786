import t from 'tap'
import { createClassReader } from './class-names.ts'

const labels = ['e-bike', 'bicycle', 'person']

t.test('class numbers get their names from the data, in whatever order it has them', async (t) => {
  const reader = createClassReader(labels, [])
  t.equal(reader.meaning(0, ['Person', 'ebike'])?.label, 'person')
  t.equal(reader.meaning(1, ['Person', 'ebike'])?.label, 'e-bike')
  t.equal(reader.meaning(0, ['电动车'])?.label, 'e-bike')
  t.equal(reader.meaning(2, ['Person', 'ebike']), undefined, 'a number without a name is no class')
})

t.test('a mapping goes before the names, by number or by name', async (t) => {
  const reader = createClassReader(labels, ['0=e-bike', 'motorcycle=e-bike', 'dog=ignore', 'cat=ignore'])
  t.equal(reader.meaning(0, ['whatever'])?.label, 'e-bike')
  t.equal(reader.meaning(0, [])?.label, 'e-bike')
  t.equal(reader.meaningOf('motorcycle').label, 'e-bike')
  t.match(reader.meaningOf('dog'), { label: undefined, isIgnored: true })
  t.same(reader.unusedMappings(), ['cat'])
})

t.test('a class the model does not know is nothing, and not ignored silently', async (t) => {
  t.match(createClassReader(labels, []).meaningOf('motorcycle'), {
    name: 'motorcycle',
    label: undefined,
    isIgnored: false,
  })
})

t.test('a mapping that cannot be meant is refused with what there is', async (t) => {
  t.throws(() => createClassReader(labels, ['0=ebike-x']), /no label "ebike-x"; it has e-bike, bicycle, person/)
  t.throws(() => createClassReader(labels, ['0']), /for example 0=e-bike/)
})
