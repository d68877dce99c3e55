import { expect, test } from 'vitest'
import { settings } from './config.ts'
import { readPipelines } from './pipeline-file.ts'
import type { TestCase } from './pipeline-schema.ts'
import { runCase } from './pipeline-test.ts'
import { planOf } from './pipelines.ts'

const run = (pipeline: object, testCase: Omit<TestCase, 'name'>) => {
  const base = { name: 'p', input: { topic: 'orders' }, complete: { count: 2, periodMs: 1_000 } }
  const source = JSON.stringify({ pipelines: [{ ...base, ...pipeline, tests: [{ name: 't', ...testCase }] }] })
  const { file, problems } = readPipelines(source)
  const [entry] = file?.pipelines ?? []
  const [parsed] = entry?.tests ?? []
  if (entry === undefined || parsed === undefined) throw new Error(JSON.stringify(problems))
  return runCase(planOf(entry, settings.parse({})), parsed)
}

test('a case that is as expected has no difference', async () => {
  const steps = [{ body: 'a', id: '1' }, { waitMs: 999 }, { body: 'b', id: '2' }, { body: 'c' }, { waitMs: 1_000 }]
  const expected = [
    { key: 'orders', by: 'count' as const, events: 2, ids: ['1', '2'] },
    { by: 'period' as const, events: 1, ids: ['message-3'] },
  ]
  expect(await run({}, { steps, expect: expected, open: 0 })).toEqual([])
})

test('each difference is reported with what came instead', async () => {
  const steps = [{ times: 2, body: { n: 1 } }, { body: 'left' }]
  const differences = await run({}, { steps, expect: [{ key: 'x', by: 'period', events: 1 }], open: 0, discarded: 3 })
  expect(differences).toEqual([
    'group 1, key: expected "x", got "orders"',
    'group 1, by: expected "period", got "count"',
    'group 1, events: expected 1, got 2',
    'discarded: expected 3, got 0',
    'open: expected 0, got 1',
  ])
})

test('a group that did not come, and one too many, are reported', async () => {
  expect(await run({}, { steps: [{ body: 'a' }], expect: [{}] })).toEqual(['groups: expected 1, got 0'])
  expect(await run({}, { steps: [{ times: 2 }], expect: [] })).toEqual(['groups: expected 0, got 1'])
})

test('all groups are completed where a step says so', async () => {
  const steps = [{ key: 'a' }, { key: 'b' }, { completeAll: true as const }]
  const expected = [
    { key: 'a', by: 'flush' as const },
    { key: 'b', by: 'flush' as const },
  ]
  expect(await run({ correlateBy: 'key' }, { steps, expect: expected })).toEqual([])
})

test('a message without correlation key is a dead letter', async () => {
  const differences = await run({ correlateBy: 'key' }, { steps: [{ body: 'a' }], expect: [], deadLettered: [] })
  expect(differences).toEqual(['deadLettered: expected [], got ["uncorrelated"]'])
})
