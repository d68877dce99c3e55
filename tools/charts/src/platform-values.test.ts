import { expect, test } from 'vitest'
import { documentedValues, platformValuesTable } from './platform-values.ts'

const yaml = `# What it is
profile: laptop

backends:
  nats:
    # Where it comes from
    mode: embedded
    image:
      # Its tag
      tag: '2'
    # What it may take
    resources: { cpu: 1 }
  redis:
    # The same, off
    mode: disabled
    image:
      tag: '7'
    resources: { cpu: 1 }
`
const backends = ['nats', 'redis']

test('a value is listed with its default and the comment before it', () => {
  expect(documentedValues(yaml, backends)[0]).toEqual({ path: 'profile', defaultValue: '"laptop"', what: 'What it is' })
})

test('what backends share is listed once, what each says of its own for each', () => {
  expect(documentedValues(yaml, backends).slice(1)).toEqual([
    { path: 'backends.nats.mode', defaultValue: '"embedded"', what: 'Where it comes from' },
    { path: 'backends.redis.mode', defaultValue: '"disabled"', what: 'The same, off' },
    { path: 'backends.*.image.tag', defaultValue: '(by backend)', what: 'Its tag' },
    { path: 'backends.*.resources', defaultValue: '{"cpu":1}', what: 'What it may take' },
  ])
})

test('a value without a comment is refused by its path', () => {
  expect(() => platformValuesTable(documentedValues('a:\n  b: 1\n', backends))).toThrow(/nothing of a\.b/)
})

test('a cell holds no bar that would end it', () => {
  const values = documentedValues('# One | two\na: x|y\n', backends)
  expect(platformValuesTable(values).split('\n')[2]).toBe('| `a` | `"x\\|y"` | One \\| two |')
})
