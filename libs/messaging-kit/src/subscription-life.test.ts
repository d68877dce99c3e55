import { expect, test } from 'vitest'
import { subscriptionLife } from './subscription-life.ts'

const parts = () => {
  const calls: string[] = []
  const stopped = Promise.withResolvers<void>()
  const life = subscriptionLife({
    stop: () => {
      calls.push('stop')
      return stopped.promise
    },
    close: async () => void calls.push('close'),
    idle: async () => undefined,
    inFlight: () => 3,
  })
  return { calls, stopped, life }
}

test('stops before it closes, each once, however often it is asked', async () => {
  const { calls, stopped, life } = parts()
  expect([life.state, life.inFlight]).toEqual(['open', 3])
  const [first, second] = [life.close(), life.close()]
  const third = life.stop()
  expect([life.state, calls]).toEqual(['stopping', ['stop']])
  stopped.resolve()
  await Promise.all([first, second, third])
  await life.stop()
  expect([life.state, calls]).toEqual(['closed', ['stop', 'close']])
})

test('stays stopped until it is closed', async () => {
  const { stopped, life } = parts()
  stopped.resolve()
  await life.stop()
  expect(life.state).toBe('stopped')
})
