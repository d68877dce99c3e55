import { describe, expect, test } from 'vitest'
import { criEntry } from './cri.ts'

const parsed = (line: string) => {
  // There is more before and behind it.
  const data = Buffer.from(`before\n${line}\nbehind it all`)
  const start = 'before\n'.length
  const end = start + Buffer.byteLength(line)
  const entry = criEntry(data, start, end)
  return entry && { ...entry, text: data.subarray(entry.textStart, end).toString() }
}

const timeMs = Date.UTC(2026, 0, 2, 3, 4, 5, 123)

describe('a line of a container', () => {
  test.each([
    ['2026-01-02T03:04:05.123456789Z stdout F text', 'stdout', false, 'text'],
    ['2026-01-02T03:04:05.123456789Z stderr P  half a', 'stderr', true, ' half a'],
    ['2026-01-02T04:04:05.123456789+01:00 stdout F of CRI-O', 'stdout', false, 'of CRI-O'],
    ['2026-01-02T03:04:05.123Z stdout F:tag:another text', 'stdout', false, 'text'],
    ['2026-01-02T03:04:05.123Z stdout F ', 'stdout', false, ''],
    ['2026-01-02T03:04:05.123Z stdout F', 'stdout', false, ''],
    ['2026-01-02T03:04:05.123Z stdout F ä\u0000', 'stdout', false, 'ä\u0000'],
  ])('%s', (line, stream, isPart, text) => {
    expect(parsed(line)).toMatchObject({ timeMs, stream, isPart, text })
  })

  test('a time without a fraction', () => {
    expect(parsed('2026-01-02T03:04:05Z stdout F a')?.timeMs).toBe(Date.UTC(2026, 0, 2, 3, 4, 5))
  })
})

describe('another line', () => {
  test.each([
    '',
    'text',
    '2026-01-02T03:04:05.123Z',
    '2026-01-02T03:04:05.123Z stdout',
    '2026-01-02T03:04:05.123Z stdin F text',
    '2026-01-02T03:04:05.123Z stdout X text',
    '2026-01-02T03:04:05.123Z stdoutF text',
    '2026-01-02 03:04:05.123Z stdout F text',
    '2026-13-02T03:04:05.123Z stdout F text',
    '2026-01-02T03:04:05.123456789012Z stdout F text',
    '{"log":"text\\n","stream":"stdout","time":"2026-01-02T03:04:05.123Z"}',
  ])('%s', (line) => {
    expect(parsed(line)).toBeUndefined()
  })
})
