import { drivenClock } from '@armature/async/clock'
import { outcomeOf } from '@armature/async/testing-outcome'
import type { FileLines } from '@armature/file-tail/file-tail'
import { describe, expect, test } from 'vitest'
import { fileChunks, type FileChunksOptions } from './file-chunks.ts'
import type { Chunk } from './chunks.ts'

interface Given {
  readonly id?: string
  readonly path?: string
  readonly from?: number
  readonly text: string | Buffer
  readonly cutBytes?: number
}

/** Chunks of what a tail gives, and up to where it was committed. */
const openWorld = (options: Partial<FileChunksOptions> = {}) => {
  const clock = drivenClock(1_000_000)
  const waiting: FileLines[] = []
  const commits: string[] = []
  let wake = Promise.withResolvers<void>()
  let isOver = false
  const tail = {
    next: async () => {
      while (waiting.length === 0 && !isOver) await wake.promise
      return waiting.shift()
    },
    stop: () => {
      isOver = true
      wake.resolve()
    },
  }
  const ends = new Map<string, number>()
  const give = ({ id = 'id', path = '/var/log/a.log', from = ends.get(id) ?? 0, text, cutBytes = 0 }: Given) => {
    const bytes = Buffer.from(text)
    const to = from + bytes.length + cutBytes
    ends.set(id, to)
    const file = { id, path, target: path }
    waiting.push({ file, from, to, bytes, cutBytes, commit: (at = to) => void commits.push(`${id} ${at}`) })
    wake.resolve()
    wake = Promise.withResolvers()
  }
  const chunks = fileChunks({ tail, format: 'auto', maxLineBytes: 1_000, key: undefined, clock, ...options })
  return {
    chunks,
    clock,
    commits,
    give,
    end: tail.stop,
    /** The lines that are given next; they are held then. */
    next: async () => {
      const chunk = await chunks.next()
      chunk?.held?.()
      return chunk && linesOf(chunk)
    },
  }
}

const linesOf = ({ lines }: Chunk) => {
  if (lines === undefined) throw new Error('there are no lines')
  const { origins, timesMs } = lines
  return Array.from({ length: lines.count }, (_, index) => ({
    text: lines.data.subarray(lines.starts[index], lines.ends[index]).toString(),
    offset: origins?.offsets[index],
    stream: origins?.streamOf[index],
    timeMs: timesMs?.[index] ?? lines.timeMs,
    flaw: lines.flaws.get(index),
  }))
}

const textsOf = (lines: readonly { readonly text: string }[] | undefined) => lines?.map(({ text }) => text)
const timeMs = Date.UTC(2026, 0, 2, 3, 4, 5, 123)
const cri = (tag: string, text: string, stream = 'stdout') =>
  `2026-01-02T03:04:05.123456789Z ${stream} ${tag} ${text}\n`

describe('plain lines', () => {
  test('have their place in the file, and are committed when they are held', async () => {
    const { chunks, give, commits } = openWorld()
    give({ from: 500, text: 'one\r\n\ntwo\n' })
    const chunk = await chunks.next()
    expect(commits).toEqual([])
    chunk?.held?.()
    expect(commits).toEqual(['id 510'])
    expect(chunk && linesOf(chunk)).toMatchObject([
      { text: 'one', offset: 500, stream: 0, timeMs: 1_000_000 },
      { text: '', offset: 505 },
      { text: 'two', offset: 506 },
    ])
  })

  test('come from their file: its id, its path as the key, a header', async () => {
    const { chunks, give } = openWorld()
    give({ id: 'abc', path: '/var/log/a\nb.log', text: 'one\n' })
    const origin = (await chunks.next())?.lines?.origins?.origin.text.toString()
    expect(JSON.parse(origin ?? '')).toEqual({
      id: 'abc',
      key: '/var/log/a%0Ab.log',
      headers: { file: '/var/log/a%0Ab.log' },
    })
  })

  test('have the key that is set', async () => {
    const { chunks, give } = openWorld({ key: 'mine' })
    give({ text: 'one\n' })
    expect(JSON.parse((await chunks.next())?.lines?.origins?.origin.text.toString() ?? '')).toMatchObject({
      key: 'mine',
    })
  })

  test.each([
    ['the last, without an end', { text: 'rest' }, 'rest', undefined],
    ['too long', { text: `${'x'.repeat(1_200)}\n` }, 'x'.repeat(1_000), { fault: 'too-long', cutBytes: 200 }],
    [
      'cut by the tail',
      { text: 'x'.repeat(1_100), cutBytes: 50 },
      'x'.repeat(1_000),
      { fault: 'too-long', cutBytes: 150 },
    ],
    ['no UTF-8', { text: Buffer.from([0xff, 0x0a]) }, '\ufffd', { fault: 'not-utf8', cutBytes: 0 }],
  ])('%s', async (_name, given, text, flaw) => {
    const world = openWorld()
    world.give(given)
    expect(await world.next()).toMatchObject([{ text, flaw }])
  })
})

describe('lines of containers', () => {
  const container = { path: `/var/log/pods/shop_web-1_${'0'.repeat(32)}/nginx/0.log` }

  test('have their text, time and stream, and pod, namespace and container of the path', async () => {
    const { chunks, give } = openWorld()
    give({ ...container, text: cri('F', '{"a":1}') + cri('F', 'wrong', 'stderr') })
    const chunk = await chunks.next()
    expect(chunk && linesOf(chunk)).toMatchObject([
      { text: '{"a":1}', stream: 1, timeMs, offset: 0 },
      { text: 'wrong', stream: 2, timeMs, offset: cri('F', '{"a":1}').length },
    ])
    expect(JSON.parse(chunk?.lines?.origins?.origin.text.toString() ?? '')).toMatchObject({
      headers: { file: container.path, namespace: 'shop', pod: 'web-1', container: 'nginx' },
    })
  })

  test('are known by the first line, too; a line that is none comes as it is', async () => {
    const world = openWorld()
    world.give({ text: `${cri('F', 'one')}no line of a container\n` })
    expect(await world.next()).toMatchObject([{ text: 'one' }, { text: 'no line of a container', stream: 0 }])
    world.give({ id: 'other', text: 'plain\n' })
    world.give({ id: 'other', text: cri('F', 'still plain') })
    expect(textsOf(await world.next())).toEqual(['plain'])
    expect(textsOf(await world.next())).toEqual([cri('F', 'still plain').trimEnd()])
  })

  test('are as the format says that is set', async () => {
    const world = openWorld({ format: 'plain' })
    world.give({ ...container, text: cri('F', 'one') })
    expect(textsOf(await world.next())).toEqual([cri('F', 'one').trimEnd()])
  })

  test('in parts are joined, those of the other stream stand between, and what is held ends before them', async () => {
    const world = openWorld()
    const first = cri('F', 'whole')
    world.give({ ...container, text: first + cri('P', 'a') + cri('P', 'x', 'stderr') })
    expect(textsOf(await world.next())).toEqual(['whole'])
    expect(world.commits).toEqual([`id ${first.length}`])
    world.give({ ...container, text: cri('F', 'y', 'stderr') + cri('P', 'b') })
    expect(textsOf(await world.next())).toEqual(['xy'])
    world.give({ ...container, text: cri('F', 'c') + cri('F', 'next') })
    expect(await world.next()).toMatchObject([{ text: 'abc', offset: first.length }, { text: 'next' }])
    expect(world.commits.at(-1)).toBe(`id ${first.length + 5 * cri('P', 'a').length + cri('F', 'next').length}`)
  })

  test('in parts are joined over a rotation', async () => {
    const world = openWorld()
    world.give({ ...container, id: 'old', text: cri('P', 'a') })
    expect(await world.next()).toEqual([])
    expect(world.commits).toEqual(['old 0'])
    world.give({ ...container, id: 'new', text: cri('F', 'b') })
    expect(await world.next()).toMatchObject([{ text: 'ab', offset: 0 }])
    expect(world.commits).toEqual(['old 0', `old ${cri('P', 'a').length}`, `new ${cri('F', 'b').length}`])
  })

  test('in parts of characters are whole again', async () => {
    const world = openWorld()
    const [one = 0, two = 0] = Buffer.from('ä')
    world.give({
      ...container,
      text: Buffer.concat([
        Buffer.from(cri('P', '').slice(0, -1)),
        Buffer.from([one, 0x0a]),
        Buffer.from(cri('F', '').slice(0, -1)),
        Buffer.from([two, 0x0a]),
      ]),
    })
    expect(await world.next()).toMatchObject([{ text: 'ä', flaw: undefined }])
  })

  test('that are too long are cut, in parts as well', async () => {
    const world = openWorld()
    const part = 'x'.repeat(700)
    world.give({ ...container, text: cri('P', part) + cri('P', part) + cri('F', part) + cri('F', 'y'.repeat(1_001)) })
    expect(await world.next()).toMatchObject([
      { text: 'x'.repeat(1_000), flaw: { fault: 'too-long', cutBytes: 1_100 } },
      { text: 'y'.repeat(1_000), flaw: { fault: 'too-long', cutBytes: 1 } },
    ])
  })

  test('whose last part does not come are given as they are after a minute', async () => {
    const world = openWorld()
    world.give({ ...container, text: cri('P', 'a') })
    expect(await world.next()).toEqual([])
    const next = world.next()
    const outcome = outcomeOf(next)
    await world.clock.advance(59_000)
    expect(outcome.state).toBe('pending')
    await world.clock.advance(1_000)
    expect(await next).toMatchObject([{ text: 'a', offset: 0 }])
    expect(world.commits.at(-1)).toBe(`id ${cri('P', 'a').length}`)
    world.give({ ...container, text: cri('F', 'b') })
    expect(textsOf(await world.next())).toEqual(['b'])
  })

  test('whose last part does not come are given at the end, but not at a stop: the next run reads them again', async () => {
    const ended = openWorld()
    ended.give({ ...container, text: cri('P', 'a') })
    await ended.next()
    ended.end()
    expect(textsOf(await ended.next())).toEqual(['a'])
    expect(await ended.next()).toBeUndefined()

    const stopped = openWorld()
    stopped.give({ ...container, text: cri('P', 'a') })
    await stopped.next()
    stopped.chunks.stop()
    expect(await stopped.next()).toBeUndefined()
    expect(stopped.commits).toEqual(['id 0'])
  })
})
