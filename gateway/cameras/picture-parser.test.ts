import t from 'tap'
import { createFrameSlots, type FrameSlot } from './frame-slots.ts'
import { createPictureParser } from './picture-parser.ts'

const header = Buffer.from('YUV4MPEG2 W4 H2 F5:1 Ip A1:1 C420jpeg\n')
const picture = (value: number) => Buffer.concat([Buffer.from('FRAME\n'), Buffer.alloc(12, value)])

function parserWith(slotCount: number, mayDrop: boolean) {
  const pictures: FrameSlot[] = []
  let dropped = 0
  const slotsFor = (width: number, height: number) => createFrameSlots(width, height, slotCount)
  const sink = { slotsFor, onPicture: (slot: FrameSlot) => void pictures.push(slot), onDropped: () => void dropped++ }
  return { parser: createPictureParser(sink, mayDrop), pictures, dropped: () => dropped }
}

t.test('pictures come out whole however the pipe cuts them', (t) => {
  const stream = Buffer.concat([header, picture(1), picture(2), picture(3)])
  for (let size = 1; size <= stream.length; size++) {
    const { parser, pictures } = parserWith(3, true)
    for (let at = 0; at < stream.length; at += size) parser.push(stream.subarray(at, at + size))
    t.same(
      pictures.map(({ data }) => [...new Set(data)]),
      [[1], [2], [3]],
    )
  }
  t.end()
})

t.test('when every slot is held a picture is dropped and the next is still in step', (t) => {
  const { parser, pictures, dropped } = parserWith(1, true)
  parser.push(Buffer.concat([header, picture(1), picture(2)]))
  t.equal(dropped(), 1)
  pictures[0]!.discard()
  parser.push(picture(3))
  t.equal(pictures[1]!.data[0], 3)
  t.end()
})

t.test('where nothing may be lost the stream waits instead', (t) => {
  const { parser, pictures } = parserWith(1, false)
  const stream = Buffer.concat([header, picture(1), picture(2)])
  const taken = parser.push(stream)
  t.equal(taken, header.length + picture(1).length)
  t.equal(parser.push(stream.subarray(taken)), 0)
  pictures[0]!.discard()
  parser.push(stream.subarray(taken))
  t.equal(pictures[1]!.data[0], 2)
  t.end()
})

t.test('a stream that is something else, or changes its size, is refused', (t) => {
  t.throws(() => parserWith(1, true).parser.push(Buffer.from('RIFF\n')), /no YUV4MPEG2 header/)
  t.throws(() => parserWith(1, true).parser.push(Buffer.alloc(1000, 0x41)), /no YUV4MPEG2 header/)
  const { parser } = parserWith(2, true)
  parser.push(Buffer.concat([header, picture(1)]))
  t.throws(() => parser.push(Buffer.alloc(20)), /size of the pictures changed/)
  t.end()
})
