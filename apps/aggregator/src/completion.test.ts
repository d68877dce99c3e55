import { message } from '@armature/messaging/message'
import { describe, expect, test } from 'vitest'
import { allPartsArrived, completedBy, type CompletionPolicy, dueAt } from './completion.ts'

const group = (...bodies: string[]) => ({
  messages: bodies.map((body) => message('t', body)),
  bytes: bodies.join('').length,
  firstMs: 0,
  lastMs: 0,
})

describe('completedBy', () => {
  const rules: [string, CompletionPolicy, string[], string | undefined][] = [
    ['count reached', { count: 2 }, ['a', 'b'], 'count'],
    ['count not reached', { count: 3 }, ['a', 'b'], undefined],
    ['bytes reached', { bytes: 4 }, ['aa', 'bb'], 'size'],
    ['bytes not reached', { bytes: 5 }, ['aa', 'bb'], undefined],
    ['predicate holds', { predicate: (messages) => messages.length === 2 }, ['a', 'b'], 'predicate'],
    ['predicate does not hold', { predicate: () => false }, ['a', 'b'], undefined],
    ['special message last', { special: ({ body }) => body.byteLength === 3 }, ['a', 'end'], 'special'],
    ['special message earlier', { special: ({ body }) => body.byteLength === 3 }, ['end', 'a'], undefined],
    ['special before count', { count: 1, special: () => true }, ['a'], 'special'],
    ['no policy', {}, ['a'], undefined],
    ['empty group', { count: 0 }, [], undefined],
  ]
  test.each(rules)('%s', (_name, policy, bodies, mechanism) => {
    expect(completedBy(policy, group(...bodies))).toBe(mechanism)
  })
})

describe('dueAt', () => {
  test.each([
    [{ periodMs: 100 }, { firstMs: 10, lastMs: 60 }, { atMs: 110, reason: 'period' }],
    [{ inactivityMs: 30 }, { firstMs: 10, lastMs: 60 }, { atMs: 90, reason: 'inactivity' }],
    [
      { periodMs: 100, inactivityMs: 30 },
      { firstMs: 10, lastMs: 60 },
      { atMs: 90, reason: 'inactivity' },
    ],
    [
      { periodMs: 100, inactivityMs: 60 },
      { firstMs: 10, lastMs: 60 },
      { atMs: 110, reason: 'period' },
    ],
    [{ count: 5 }, { firstMs: 10, lastMs: 60 }, undefined],
  ])('%j of %j', (policy, times, due) => expect(dueAt(policy, times)).toEqual(due))
})

describe('allPartsArrived', () => {
  const part = (id: string, parts?: string) => message('t', 'x', { id, headers: parts === undefined ? {} : { parts } })
  const complete = allPartsArrived('parts')
  test.each([
    ['all there', [part('1', '2'), part('2')], true],
    ['one missing', [part('1', '3'), part('2')], false],
    ['a repeat is not another part', [part('1', '2'), part('1', '2')], false],
    ['nobody says how many', [part('1'), part('2')], false],
    ['not a number', [part('1', 'many')], false],
    ['zero', [part('1', '0')], false],
  ])('%s', (_name, messages, expected) => expect(complete(messages)).toBe(expected))
})
