import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { asksForHelp, asksForVersion, parseFlags, type Positionals } from './flags.ts'
import { describeSettings } from './schema.ts'
import { text, toggle } from './settings.ts'

const settings = describeSettings(
  z.object({
    on: text().optional().meta({ short: 't' }),
    quiet: toggle().default(false).meta({ short: 'q' }),
    verbose: toggle().default(false).meta({ short: 'v' }),
  }),
)
const parse = (argv: readonly string[], positionals?: Positionals) => parseFlags(argv, settings, positionals)

test('one-letter toggles go together, the last may take a value', () => {
  const { values, faults } = parse(['-qvt', 'x'])
  expect(Object.fromEntries(values)).toEqual({ quiet: ['true'], verbose: ['true'], on: ['x'] })
  expect(faults).toEqual([])
})

test.each([
  ['a lone dash', ['-t', '-'], '-'],
  ['a negative number', ['-t', '-5'], '-5'],
  ['a value that begins with a dash', ['--on=-x'], '-x'],
  ['an empty value', ['--on='], ''],
  ['a value with an equals sign', ['--on=a=b'], 'a=b'],
])('takes %s', (_name, argv, expected) => {
  expect(parse(argv).values.get('on')).toEqual([expected])
})

describe('arguments without a flag', () => {
  const message = { usage: 'MESSAGE', min: 1, max: 1 }

  test('are faults unless asked for', () => {
    expect(parse(['a', 'b']).faults.map(({ source }) => source)).toEqual(['argument 1', 'argument 2'])
  })

  test('stand anywhere between the flags', () => {
    expect(parse(['-q', 'hello', '--on', 'x'], message)).toMatchObject({ positionals: ['hello'], faults: [] })
  })

  test('one too many is named', () => {
    const { faults } = parse(['a', 'b'], message)
    expect(faults).toEqual([
      { key: 'argument', source: 'argument 2', problem: '"b" is one too many', fix: 'pass only MESSAGE' },
    ])
  })

  test('a missing one is named', () => {
    expect(parse([], message).faults).toEqual([
      { key: 'argument', source: 'argument 1', problem: 'is missing', fix: 'pass MESSAGE' },
    ])
  })

  test('the word after an unknown flag is taken for its value, not reported as well', () => {
    expect(parse(['--onn', 'x']).faults).toHaveLength(1)
  })
})

test('an unknown letter is a fault of its own', () => {
  expect(parse(['-qx']).faults).toMatchObject([{ source: 'flag -x' }])
})

test.each([
  [['--help'], true],
  [['-h'], true],
  [['--on', 'x', '--help'], true],
  [['--', '--help'], false],
  [['help'], false],
])('%j asks for help: %s', (argv, expected) => {
  expect(asksForHelp(argv)).toBe(expected)
})

test.each([
  [['--version'], true],
  [['-V'], true],
  [['-v'], false],
])('%j asks for the version: %s', (argv, expected) => {
  expect(asksForVersion(argv)).toBe(expected)
})

test('--help among other flags is no fault', () => {
  expect(parse(['-q', '--help']).faults).toEqual([])
})
