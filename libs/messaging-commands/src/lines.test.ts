import { PassThrough, Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { linesOf, maxLineBytes } from './lines.ts'

const never = new AbortController().signal

const read = async (chunks: readonly (string | Buffer)[]) => {
  const lines: string[] = []
  for await (const line of linesOf(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), never))
    lines.push(Buffer.from(line).toString('latin1'))
  return lines
}

test.each([
  [['a\nb\n'], ['a', 'b']],
  [['a\nb'], ['a', 'b']],
  [['a\r\n\r\n'], ['a', '']],
  [
    ['a', 'b', '\nc', '\n'],
    ['ab', 'c'],
  ],
  [['\n\n'], ['', '']],
  [[], []],
  [[Buffer.from([0xff, 0x0a, 0x00])], ['\u00ff', '\0']],
])('%j has the lines %j', async (chunks, lines) => expect(await read(chunks)).toEqual(lines))

test('a line without end is refused', async () => {
  const chunk = 'x'.repeat(1_048_576)
  await expect(read(Array.from({ length: maxLineBytes / chunk.length + 1 }, () => chunk))).rejects.toThrow(/a line has/)
})

test('waits no longer for input once it is told to stop', async () => {
  const stopping = new AbortController()
  const input = new PassThrough()
  input.write('a\n')
  const lines: string[] = []
  for await (const line of linesOf(input, stopping.signal)) {
    lines.push(Buffer.from(line).toString())
    stopping.abort()
  }
  expect(lines).toEqual(['a'])
})
