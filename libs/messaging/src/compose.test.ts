import { expect, test } from 'vitest'
import { delivery } from './testing-delivery.ts'
import { compose } from './compose.ts'
import type { Middleware } from './ports.ts'

const named =
  (name: string, log: string[]): Middleware =>
  (next) =>
  async (one) => {
    log.push(`${name} in`)
    await next(one)
    log.push(`${name} out`)
  }

test('the first middleware is the outermost', async () => {
  const log: string[] = []
  const wrapped = compose(named('a', log), named('b', log))(async () => void log.push('handler'))
  await wrapped(delivery())
  expect(log).toEqual(['a in', 'b in', 'handler', 'b out', 'a out'])
})

test('of none is the handler itself', () => {
  const handler = async () => undefined
  expect(compose()(handler)).toBe(handler)
})
