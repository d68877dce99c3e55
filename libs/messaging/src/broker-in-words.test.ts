import { expect, test } from 'vitest'
import { brokerInWords, isInProcess } from './broker-in-words.ts'

test.each(['memory:', 'MEMORY:', 'memory:?seed=7'])('%s reaches this process only, and says so', (url) => {
  expect(isInProcess(url)).toBe(true)
  expect(brokerInWords(url)).toBe('memory:, in this process only')
})

test.each(['nats://user:secret@host', 'kafka:memory:', 'memory'])('%s may reach others, and is not shown', (url) => {
  expect(isInProcess(url)).toBe(false)
  expect(brokerInWords(url)).toBe('the broker')
})
