import { expect, test } from 'vitest'
import { isJsonObject } from './json-object.ts'
import { levelFinder, levels } from './level.ts'

/** The levels of lines that lie one after the other. */
const levelsOf = (...lines: readonly string[]) => {
  const data = Buffer.from(lines.join('\n'))
  const find = levelFinder(data)
  let start = 0
  return lines.map((line) => {
    const end = start + Buffer.byteLength(line)
    const level = levels[find(start, end, isJsonObject(data, start, end))]
    start = end + 1
    return level
  })
}

test.each([
  ['{"level":30,"msg":"x"}', 'info'],
  ['{"level":10}', 'trace'],
  ['{"level":60}', 'fatal'],
  ['{"level":35}', 'info'],
  ['{"msg":"x", "level" : "WARNING" }', 'warn'],
  ['{"a":{"level":"info"},"level":"error"}', 'error'],
  ['{"a":{"level":"info"}}', undefined],
  ['{"a":["level"],"b":"\\"level\\":\\"info\\""}', undefined],
  ['{"a":"level","b":"info"}', undefined],
  ['{"level":"constructor"}', undefined],
  ['{"level":"Information"}', 'info'],
  ['{"level":"info "}', undefined],
  ['{"level":"inf"}', undefined],
  ['{ "level" :\t20 , "a":1}', 'debug'],
  ['{"level":05}', undefined],
  ['{"level":2.5}', undefined],
  ['{"level":-1}', undefined],
  ['{"level":"info","level":"error"}', 'info'],
  ['{"level":null,"level":50}', 'error'],
  ['{"level":7}', undefined],
  ['{"level":300}', undefined],
  ['{"level":{"level":"info"}}', undefined],
  ['ERROR it broke', 'error'],
  ['[warn] careful', 'warn'],
  ['<Info>: text', 'info'],
  ['2026-11-30T09:00:00Z DEBUG text', 'debug'],
  ['2026-11-30 09:00:00,123 [ERROR] text', 'error'],
  ['[2026-11-30 09:00:00] CRITICAL: text', 'fatal'],
  ['panic: runtime error', 'fatal'],
  ['information', 'info'],
  ['Informatics', undefined],
  ['no error here', undefined],
  ['errors', undefined],
  ['', undefined],
])('%s: %s', (line, level) => {
  expect(levelsOf(line)).toEqual([level])
})

test('each line has its own', () => {
  const lines = ['plain', '{"a":1}', '{"level":50}', '{"b":1}', 'WARN x', '{"c":1,"level":"debug"}']
  expect(levelsOf(...lines)).toEqual([undefined, undefined, 'error', undefined, 'warn', 'debug'])
})
