import { beforeEach, expect, test } from 'vitest'
import { cachedLookup } from './lookup.ts'

type Answer = (error: NodeJS.ErrnoException | null, address: string, family: number) => void

let nowMs: number
let queries: Answer[]
let answers: string[]
let lookup: ReturnType<typeof cachedLookup>

beforeEach(() => {
  nowMs = 0
  queries = []
  answers = []
  lookup = cachedLookup({ now: () => nowMs, query: (_host, _options, done) => queries.push(done) })
})

const ask = (host = 'statsd.example') => {
  lookup(host, 4, (error, address) => answers.push(error?.code ?? address))
}
const fail = (index: number) => queries[index]?.(Object.assign(new Error('none'), { code: 'EAI_AGAIN' }), '', 4)

test('an address is answered without a query', () => {
  ask('192.0.2.1')
  lookup('::1', 6, (_error, address, family) => answers.push(`${address} ${family}`))
  expect(answers).toEqual(['192.0.2.1', '::1 6'])
  expect(queries).toHaveLength(0)
})

test('while a query runs, however long, others fail at once and start none', () => {
  ask()
  for (let call = 0; call < 1_000; call++) ask()
  expect(queries).toHaveLength(1)
  expect(answers).toEqual(new Array(1_000).fill('ENOTFOUND'))
})

test('an answer is kept for a minute', () => {
  ask()
  queries[0]?.(null, '192.0.2.1', 4)
  nowMs = 59_999
  ask()
  expect(queries).toHaveLength(1)
  nowMs = 60_000
  ask()
  expect(queries).toHaveLength(2)
  expect(answers).toEqual(['192.0.2.1', '192.0.2.1'])
})

test('a failure is kept for five seconds', () => {
  ask()
  fail(0)
  nowMs = 4_999
  ask()
  expect(queries).toHaveLength(1)
  nowMs = 5_000
  ask()
  expect(queries).toHaveLength(2)
  expect(answers).toEqual(['EAI_AGAIN', 'ENOTFOUND'])
})

test('the last address known serves while the resolver fails', () => {
  ask()
  queries[0]?.(null, '192.0.2.1', 4)
  nowMs = 60_000
  ask()
  ask()
  fail(1)
  expect(answers).toEqual(['192.0.2.1', '192.0.2.1', '192.0.2.1'])
})
