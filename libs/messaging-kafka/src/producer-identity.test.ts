import { elementAt } from '@armature/async/element-at'
import { expect, test, vi } from 'vitest'
import type { KafkaCluster } from './cluster.ts'
import { producerIdentity } from './producer-identity.ts'

type Answer = { readonly errorCode: number; readonly producerId: string; readonly producerEpoch: number }

/** An identity from a broker that answers each request when the test says so. */
const asking = () => {
  const asked: PromiseWithResolvers<Answer>[] = []
  const call = () => {
    const answer = Promise.withResolvers<Answer>()
    asked.push(answer)
    return answer.promise
  }
  const identity = producerIdentity({ any: () => Promise.resolve({ call }) } as unknown as KafkaCluster)
  /** A session that the broker has been asked for. */
  const ask = async () => {
    const requests = asked.length
    const session = identity.session()
    await vi.waitFor(() => expect(asked).toHaveLength(requests + 1))
    return { session, answer: elementAt(asked, requests) }
  }
  const begin = async (producerId: string) => {
    const { session, answer } = await ask()
    answer.resolve({ errorCode: 0, producerId, producerEpoch: 0 })
    return session
  }
  return { asked, identity, ask, begin }
}

test('one session goes on until it is ended', async () => {
  const { asked, identity, begin } = asking()
  const first = await begin('1')
  expect(await identity.session()).toBe(first)
  expect(asked).toHaveLength(1)
  identity.end()
  expect(await begin('2')).toMatchObject({ producerId: '2' })
})

test('the end of a session that is over ends no other', async () => {
  const { identity, begin } = asking()
  const first = await begin('1')
  identity.endOf(first)
  const second = await begin('2')
  identity.endOf(first)
  expect(await identity.session()).toBe(second)
  identity.endOf(second)
  expect(await begin('3')).toMatchObject({ producerId: '3' })
})

test('a session that the broker did not give is asked for again', async () => {
  const { ask, begin } = asking()
  const { session, answer } = await ask()
  answer.reject(new Error('the connection broke off'))
  await expect(session).rejects.toThrow('the connection broke off')
  expect(await begin('1')).toMatchObject({ producerId: '1' })
})

test('a session that was ended before it came, and comes late, ends or replaces no other', async () => {
  const { identity, ask, begin } = asking()
  const { session, answer } = await ask()
  identity.end()
  const second = await begin('2')
  answer.resolve({ errorCode: 0, producerId: '1', producerEpoch: 0 })
  identity.endOf(await session)
  expect(await identity.session()).toBe(second)
})
