import { execFileSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type TarEntry, tar } from './tar.ts'

async function packed(entries: TarEntry[]): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of tar(entries)) pieces.push(piece)
  return Buffer.concat(pieces)
}

t.test('every system opens the archive: names, bytes and times come out as they went in', async (t) => {
  const dir = t.testdir({ 'clip.mp4': Buffer.alloc(100_000, 7), out: {} })
  const at = Date.parse('2026-01-05T08:00:00Z')
  const clip = join(dir, 'clip.mp4')
  const archive = await packed([
    { name: 'report.html', at, data: Buffer.from('高空抛物') },
    { name: 'empty.txt', at, data: new Uint8Array() },
    { name: 'exactly-one-block.bin', at, data: new Uint8Array(512).fill(1) },
    { name: 'evidence/clip.mp4', at, path: clip, bytes: 100_000 },
  ])
  t.equal(archive.length % 512, 0)
  const file = join(dir, 'package.tar')
  writeFileSync(file, archive)
  execFileSync('tar', ['-xf', file, '-C', join(dir, 'out')])
  t.equal(readFileSync(join(dir, 'out', 'report.html'), 'utf8'), '高空抛物')
  t.equal(readFileSync(join(dir, 'out', 'empty.txt')).length, 0)
  t.ok(readFileSync(join(dir, 'out', 'exactly-one-block.bin')).equals(Buffer.alloc(512, 1)))
  t.ok(readFileSync(join(dir, 'out', 'evidence', 'clip.mp4')).equals(readFileSync(clip)))
  t.equal(statSync(join(dir, 'out', 'report.html')).mtimeMs, at)
})

t.test('an archive of nothing is an archive', async (t) => {
  t.ok((await packed([])).equals(Buffer.alloc(1024)))
})

t.test('a name that does not fit is refused before anything is sent of it', async (t) => {
  const at = 0
  const data = new Uint8Array()
  for (const name of ['', 'x'.repeat(101), '报告.html', 'a\nb'])
    await t.rejects(packed([{ name, at, data }]), /does not fit into a tar/, JSON.stringify(name))
})

t.test('a file that changed since it was measured breaks the archive instead of spoiling it unseen', async (t) => {
  const path = join(t.testdir({ 'clip.mp4': 'four' }), 'clip.mp4')
  await t.rejects(packed([{ name: 'clip.mp4', at: 0, path, bytes: 5 }]), /has 4 bytes where 5 were announced/)
  await t.rejects(packed([{ name: 'clip.mp4', at: 0, path: `${path}.gone`, bytes: 5 }]), { code: 'ENOENT' })
})
