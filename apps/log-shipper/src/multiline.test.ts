import { expect, test } from 'vitest'
import { everyLine } from '../test/every-line.ts'
import { lines, linesOf } from '../test/spool-world.ts'
import { eventJoiner } from './multiline.ts'

const textsOf = (given: Parameters<typeof everyLine>[0]) => everyLine(given).map(({ bytes }) => bytes.toString())

test('a line that matches begins an event, wherever the reads are cut', () => {
  const joiner = eventJoiner(/^\S/u, 1_000)
  expect(textsOf(joiner.push(lines('one', ' a', ' b', 'two'), 1))).toEqual(['one\n a\n b'])
  expect(joiner.waitsSinceMs).toBe(1)
  expect(textsOf(joiner.push(lines(' c'), 2))).toEqual([])
  expect(textsOf(joiner.push(lines('three'), 3))).toEqual(['two\n c'])
  expect(joiner.waitsSinceMs).toBe(3)
  expect(textsOf(joiner.flush())).toEqual(['three'])
  expect([joiner.waitsSinceMs, joiner.flush().count]).toEqual([undefined, 0])
})

test('a line before the first match and an empty line are kept', () => {
  const joiner = eventJoiner(/^A/u, 1_000)
  expect(textsOf(joiner.push(lines('x', '', 'A'), 1))).toEqual(['x\n'])
  expect(textsOf(joiner.flush())).toEqual(['A'])
})

test('an event is no longer than maxLineBytes, and nothing of it is lost', () => {
  const joiner = eventJoiner(/^A/u, 10)
  const events = textsOf(joiner.push(lines('A234', '56789', 'x', '0123456789', 'y'), 1))
  expect([...events, ...textsOf(joiner.flush())]).toEqual(['A234\n56789', 'x', '0123456789', 'y'])
})

test('a line at fault stands alone', () => {
  const joiner = eventJoiner(/^A/u, 10)
  const given = linesOf(
    [
      { bytes: Buffer.from('A') },
      { bytes: Buffer.from([0xff]), fault: 'not-utf8', cutBytes: 0 },
      { bytes: Buffer.from('b') },
    ],
    1,
  )
  expect(everyLine(joiner.push(given, 1)).map(({ fault }) => fault)).toEqual([undefined, 'not-utf8'])
  expect(textsOf(joiner.flush())).toEqual(['b'])
})
