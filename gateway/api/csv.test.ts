import t from 'tap'
import { decodeSheet, parseCsv, unguarded, writeCsv } from './csv.ts'

t.test('a table that was taken out comes back as it was, whatever stands in its cells', async (t) => {
  const cells = ['烟感 9', 'a "quoted" name', 'b1, unit 2', 'two\nlines', '', '-12.5', '=1+1', '@home', "'=kept", '+86']
  const text = writeCsv([['a', 'b'], cells])
  t.ok(text.startsWith('\ufeff'), 'Excel knows by the mark that it is UTF-8')
  t.match(text, /,'=1\+1,'@home,''=kept,'\+86\r\n$/, 'nothing in it is run as a formula')
  t.match(text, ',-12.5,', 'a number stays one')
  const records = parseCsv(text)
  if (!Array.isArray(records)) return t.fail(records.message)
  t.same(records[1]?.cells.map(unguarded), cells)
})

t.test('lines are counted as an editor counts them, also after a cell with several', async (t) => {
  const records = parseCsv('id,name\n\n1,"one\ntwo"\r\n2,x\n')
  t.same(records, [
    { line: 1, cells: ['id', 'name'] },
    { line: 3, cells: ['1', 'one\ntwo'] },
    { line: 5, cells: ['2', 'x'] },
  ])
})

t.test('a quote that is never closed is told with the line it opens in', async (t) => {
  t.match(parseCsv('id\n1\n"2\n3\n4'), { line: 3, message: /never closed/ })
})

t.test('a table saved by a Chinese Excel is read, with or without UTF-8', async (t) => {
  t.equal(decodeSheet(new TextEncoder().encode('\ufeff名称')), '\ufeff名称')
  t.equal(decodeSheet(Uint8Array.from([0xc3, 0xfb, 0xb3, 0xc6])), '名称', 'GB 18030')
})
