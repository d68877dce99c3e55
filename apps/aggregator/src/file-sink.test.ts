import { appendFileSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { drivenClock } from '@armature/async/clock'
import { message, type Message, tombstone } from '@armature/messaging/message'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openFileSink } from './file-sink.ts'
import { fileTarget } from './file-target.ts'
import type { OpenedSink } from './open-opensearch.ts'

let folder: string
let opened: OpenedSink[] = []
const clock = drivenClock(Date.parse('2026-01-02T03:04:05.678Z'))
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'file-sink-'))
})
afterEach(async () => {
  await Promise.all(opened.map((one) => one.close().catch(() => undefined)))
  opened = []
  rmSync(folder, { recursive: true, force: true })
})

const open = async (query = '') => {
  const sink = await openFileSink(fileTarget(`file://${folder}${query}`), clock)
  opened.push(sink)
  return sink
}
const write = ({ sink }: OpenedSink, ...messages: Message[]) =>
  sink.write(messages.map((one) => ({ message: one, correlationKey: 'k' })))
const event = (id: string, body = `{"n":"${id}"}`) => message('logs.a', body, { id, headers: { source: '/a' } })
const files = () => readdirSync(folder).toSorted()
const complete = () => files().filter((name) => name.endsWith('.ndjson'))
const lines = (names = files()) =>
  names.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1))
const ids = (names = files()) => lines(names).map((line) => (JSON.parse(line) as { id: string }).id)
/** A file that a killed process of this machine left; no process has that number. */
const left = (contents: string) => {
  const host = hostname().replaceAll(/[^\w.]/g, '_')
  const name = `events-2026-01-01T00-00-00.000Z-${host}-999999999-1.ndjson.part`
  writeFileSync(join(folder, name), contents)
  return name.replace(/\.part$/, '')
}

test('a line has each part of the event; the JSON body is as it came', async () => {
  const sink = await open()
  const json = '{"n":12345678901234567890,\n"s":"\u2028"}'
  expect(
    await write(
      sink,
      event('1', json),
      event('2', 'plain\n'),
      tombstone('logs.a', { id: '3' }),
      message('t', new Uint8Array([0xff])),
    ),
  ).toMatchObject(['written', 'written', 'written', { rejected: 'not-utf-8' }])
  const [first = '', second = '', third = ''] = lines()
  expect(first).toContain('12345678901234567890')
  expect(JSON.parse(first)).toMatchObject({ id: '1', source: '/a', topic: 'logs.a', correlation_key: 'k' })
  expect(JSON.parse(second)).toMatchObject({ id: '2', text: 'plain\n' })
  expect(JSON.parse(third)).not.toHaveProperty('text')
})

describe('a file is complete', () => {
  test('when it is large enough: it has its name then, at once and whole', async () => {
    const sink = await open('?rotateBytes=300')
    for (let n = 0; n < 6; n += 1) await write(sink, event(String(n)))
    expect(complete().length).toBeGreaterThan(1)
    for (const name of complete()) expect(readFileSync(join(folder, name), 'utf8')).toMatch(/}\n$/)
    expect(ids().toSorted()).toEqual(['0', '1', '2', '3', '4', '5'])
  })

  test('when it is old enough, also while nothing comes', async () => {
    const sink = await open('?rotateMs=1000')
    await write(sink, event('1'))
    expect(complete()).toEqual([])
    await clock.advance(1_000)
    await vi.waitFor(() => expect(complete()).toHaveLength(1))
    expect(ids(complete())).toEqual(['1'])
  })

  test('at the end; an empty one is not kept', async () => {
    const sink = await open()
    await write(sink, event('1'))
    await sink.close()
    expect(files()).toHaveLength(1)
    expect(ids(complete())).toEqual(['1'])
    await (await open()).close()
    expect(files()).toHaveLength(1)
  })
})

describe('what a killed process left', () => {
  test.each([
    ['a partial last line', '{"id":"1"}\n{"id":"2"}\n{"id":"3', ['1', '2']],
    ['whole lines', '{"id":"1"}\n', ['1']],
    ['a partial line longer than a block', `{"id":"1"}\n${'x'.repeat(200_000)}`, ['1']],
  ])('%s: what was not written to its end is cut off, and the file has its name', async (_, contents, expected) => {
    const name = left(contents)
    await open()
    expect(files()).toEqual([name])
    expect(readFileSync(join(folder, name), 'utf8')).toMatch(/}\n$/)
    expect(ids()).toEqual(expected)
  })

  test('a file without a whole line goes', async () => {
    left('{"id":"1"')
    await open()
    expect(files()).toEqual([])
  })

  test('the file of a process that lives, of another machine, or of this process is not touched', async () => {
    const sink = await open()
    await write(sink, event('1'))
    const [own = ''] = files()
    const others = [
      own.replace(`-${process.pid}-`, `-${process.ppid}-`),
      own.replace(`-${process.pid}-`, '-x-999999999-'),
    ]
    for (const other of others) writeFileSync(join(folder, other), '{"id":"2"}\n{"id')
    await open()
    expect(files()).toEqual([own, ...others].toSorted())
    await write(sink, event('3'))
    expect(ids([own])).toEqual(['1', '3'])
  })
})

describe('a write that fails', () => {
  test('to a folder that is gone is no write; to the next folder it is', async () => {
    const sink = await open()
    await write(sink, event('1'))
    renameSync(folder, `${folder}-away`)
    await sink.close().catch(() => undefined)
    await expect(write(sink, event('2'))).rejects.toThrow('ENOENT')
    await expect(sink.sink.check()).rejects.toThrow('ENOENT')
    renameSync(`${folder}-away`, folder)
    expect(await write(sink, event('2'))).toEqual(['written'])
    expect(ids().toSorted()).toEqual(['1', '2'])
  })

  test('bug: lines in a file that somebody removed were acknowledged', async () => {
    const sink = await open()
    await write(sink, event('1'))
    for (const name of files()) rmSync(join(folder, name))
    await expect(write(sink, event('2'))).rejects.toThrow('somebody removed')
    expect(await write(sink, event('2'))).toEqual(['written'])
    expect(ids()).toEqual(['2'])
  })

  test('nothing begins once the signal is aborted', async () => {
    const { sink } = await open()
    await expect(sink.write([{ message: event('1'), correlationKey: 'k' }], AbortSignal.abort())).rejects.toThrow()
    expect(files()).toEqual([])
  })
})

test('writes at once keep their lines whole, and the check leaves nothing', async () => {
  const sink = await open('?rotateBytes=2000')
  const batches = Array.from({ length: 20 }, (_, n) => [event(`${n}-a`), event(`${n}-b`)])
  const outcomes = await Promise.all(batches.map((batch) => write(sink, ...batch)))
  expect(outcomes.flat()).toEqual(Array.from({ length: 40 }, () => 'written'))
  await sink.sink.check()
  await sink.close()
  expect(ids().toSorted()).toEqual(
    batches
      .flat()
      .map(({ id }) => id)
      .toSorted(),
  )
  expect(files()).toEqual(complete())
  appendFileSync(join(folder, 'other.txt'), 'not ours')
  await open()
  expect(files()).toContain('other.txt')
})

test.each([
  ['file://host/folder', /names no folder/],
  ['file:///', /names no folder/],
  ['file:///a?rotateBytes=0', /the rotateBytes 0/],
  ['file:///a?rotate=1', /the option rotate/],
])('%s', (url, problem) => {
  expect(() => fileTarget(url)).toThrow(problem)
})
