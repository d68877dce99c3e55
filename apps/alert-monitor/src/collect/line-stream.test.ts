import { expect, test } from 'vitest'
import { createLineStream } from './line-stream.ts'

const cut = (chunks: readonly string[], maxLineBytes = 10) => {
  const heard: string[] = []
  const stream = createLineStream({
    maxLineBytes,
    onLines: (lines) => heard.push(...Buffer.from(lines).toString().split('\n')),
    onTooLong: () => heard.push('TOO LONG'),
  })
  for (const chunk of chunks) stream.push(Buffer.from(chunk))
  stream.end()
  return heard
}

test.each<[string, string[], string[]]>([
  ['whole lines', ['a\nb\n'], ['a', 'b']],
  ['a line in parts', ['a', 'b', 'c\nd', '\n'], ['abc', 'd']],
  ['a last line without an end', ['a\nb'], ['a', 'b']],
  ['nothing', ['', '\n'], []],
  ['a line of the longest length', ['0123456789\n'], ['0123456789']],
  ['a line too long in one chunk, that goes on', ['x'.repeat(11), 'x'.repeat(50), '\na\n'], ['TOO LONG', 'a']],
  ['one too long in parts', ['01234', '56789', 'x', 'y\na'], ['TOO LONG', 'a']],
  ['two too long', ['x'.repeat(11), '\n', 'y'.repeat(11), '\n', 'a'], ['TOO LONG', 'TOO LONG', 'a']],
])('%s', (_, chunks, heard) => {
  expect(cut(chunks)).toEqual(heard)
})
