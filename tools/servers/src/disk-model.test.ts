import { expect, test } from 'vitest'
import { type DiskEvent, diskModel } from './disk-model.ts'

const open = (fd: number, path: string, more: { truncates?: boolean } = {}): DiskEvent => ({
  kind: 'open',
  fd,
  path,
  creates: true,
  truncates: false,
  ...more,
})
const write = (fd: number, text: string, position?: number): DiskEvent => ({
  kind: 'write',
  fd,
  bytes: Buffer.from(text),
  position,
})
const textsOf = (image: ReadonlyMap<string, Buffer>) =>
  Object.fromEntries([...image].map(([name, bytes]) => [name, bytes.toString()]))

const modelAfter = (...events: readonly DiskEvent[]) => {
  const model = diskModel('/disk', new Map([['old', Buffer.from('before')]]))
  for (const event of events) model.apply(event)
  return {
    kill: textsOf(model.afterKill()),
    synced: textsOf(model.afterPowerCut('synced')),
    all: textsOf(model.afterPowerCut('all')),
  }
}

test('a kill leaves what was written, a power cut nothing that was not synced', () => {
  expect(modelAfter(open(3, '/disk/a'), write(3, 'one'), write(3, 'X', 1))).toEqual({
    kill: { old: 'before', a: 'oXe' },
    synced: {},
    all: { old: '', a: '' },
  })
})

test('a sync of the file keeps what it holds, one of its folder the name', () => {
  const written = [open(3, '/disk/a'), write(3, 'one'), { kind: 'sync', fd: 3 }, write(3, 'two')] as const
  expect(modelAfter(...written)).toMatchObject({ synced: {}, all: { a: 'one' } })
  expect(modelAfter(...written, open(4, '/disk'), { kind: 'sync', fd: 4 })).toMatchObject({
    kill: { a: 'onetwo' },
    synced: { a: 'one' },
  })
})

test('a name that was given to another file is the old or the new one, by what the disk kept of the names', () => {
  const events = [
    open(3, '/disk/a'),
    write(3, 'one'),
    { kind: 'sync', fd: 3 },
    open(4, '/disk'),
    { kind: 'sync', fd: 4 },
    open(5, '/disk/a.tmp'),
    write(5, 'two'),
    { kind: 'rename', from: '/disk/a.tmp', to: '/disk/a' },
  ] as const
  expect(modelAfter(...events)).toEqual({
    kill: { old: 'before', a: 'two' },
    synced: { old: '', a: 'one' },
    all: { old: '', a: '' },
  })
})

test('files are cut off, emptied and removed, folders made, and other places passed over', () => {
  const { kill } = modelAfter(
    { kind: 'make folder', path: '/disk/deep' },
    open(3, '/disk/deep/a'),
    write(3, 'long'),
    { kind: 'truncate', fd: 3, sizeBytes: 2 },
    { kind: 'remove', path: '/disk/old' },
    open(3, '/disk/deep/b'),
    write(3, 'x'),
    open(4, '/disk/deep/b', { truncates: true }),
    open(5, '/elsewhere'),
    write(5, 'x'),
    { kind: 'close', fd: 4 },
    write(4, 'x'),
  )
  expect(kill).toEqual({ 'deep/a': 'lo', 'deep/b': '' })
})
