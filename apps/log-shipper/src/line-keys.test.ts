import { expect, test } from 'vitest'
import { splitKeys } from './line-keys.ts'
import { lineSplitter } from './lines.ts'

const split = (text: string, delimiter: string, otherwise?: string) => {
  const lines = lineSplitter(1_000).push(Buffer.from(text))
  const { keys, starts } = splitKeys(lines, { delimiter: Buffer.from(delimiter), otherwise })
  return keys.map((key, index) => [key, lines.data.toString('utf8', starts[index], lines.ends[index])])
}

test('the key is what is before the first delimiter, as in kcat', () => {
  expect(split('a:one\nb:two:three\n:no key before\nempty:\n\n', ':')).toEqual([
    ['a', 'one'],
    ['b', 'two:three'],
    ['', 'no key before'],
    ['empty', ''],
    [undefined, ''],
  ])
})

test('a line without the delimiter has the default key, also where a later line has it', () => {
  expect(split('plain\nk=>v\n', '=>')).toEqual([
    [undefined, 'plain'],
    ['k', 'v'],
  ])
  expect(split('plain\nk=>v\n', '=>', 'mine')[0]).toEqual(['mine', 'plain'])
})

test('delimiters and keys may be any text', () => {
  expect(split('klíč→tělo\r\n', '→')).toEqual([['klíč', 'tělo']])
  expect(split('a\tb\n', '\t')).toEqual([['a', 'b']])
})
