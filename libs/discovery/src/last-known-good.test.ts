import { describe, expect, test, vi } from 'vitest'
import { type IgnoredAnswer, lastKnownGood } from './last-known-good.ts'
import { DiscoveryError, type Instance, type Resolver } from './ports.ts'

const instance = (id: string): Instance => ({ id, service: 's', host: '127.0.0.1', port: 5000 })
const down = new DiscoveryError('no leader')

/** A registry that answers what the test says, to questions and to watchers. */
const scripted = () => {
  let next: readonly Instance[] | Error = []
  let tell: (answer: readonly Instance[] | Error) => void = () => undefined
  const resolver: Resolver = {
    resolve: async () => {
      if (next instanceof Error) throw next
      return next
    },
    watch: (_service, onChange, onFault) => {
      tell = (answer) => (answer instanceof Error ? onFault?.(answer) : onChange(answer))
      return () => undefined
    },
  }
  return { resolver, answer: (value: typeof next) => void (next = value), push: (value: typeof next) => tell(value) }
}

describe('resolve', () => {
  test.each([
    ['empty', [], { reason: 'empty', kept: 2 }],
    ['failed', down, { reason: 'failed', kept: 2, fault: down }],
  ] as const)('keeps what is known over an answer that is %s, and tells', async (_name, answer, held) => {
    const registry = scripted()
    const onIgnored = vi.fn<(answer: IgnoredAnswer) => void>()
    const resolver = lastKnownGood(registry.resolver, { onIgnored })
    registry.answer([instance('a'), instance('b')])
    await resolver.resolve('s')
    expect(onIgnored).not.toHaveBeenCalled()
    registry.answer(answer)
    expect(await resolver.resolve('s')).toEqual([instance('a'), instance('b')])
    expect(onIgnored).toHaveBeenCalledExactlyOnceWith({ service: 's', ...held })
  })

  test('takes any other answer, shorter ones too', async () => {
    const registry = scripted()
    const resolver = lastKnownGood(registry.resolver)
    registry.answer([instance('a'), instance('b')])
    await resolver.resolve('s')
    registry.answer([instance('b')])
    expect(await resolver.resolve('s')).toEqual([instance('b')])
  })

  test('passes on an empty and a failing answer while nothing is known, and after forget', async () => {
    const registry = scripted()
    const resolver = lastKnownGood(registry.resolver)
    expect(await resolver.resolve('s')).toEqual([])
    registry.answer(down)
    await expect(resolver.resolve('s')).rejects.toBe(down)
    registry.answer([instance('a')])
    await resolver.resolve('s')
    resolver.forget('s')
    registry.answer([])
    expect(await resolver.resolve('s')).toEqual([])
  })

  test('knows a bounded number of services', async () => {
    const registry = scripted()
    const resolver = lastKnownGood(registry.resolver, { maxServices: 1 })
    registry.answer([instance('a')])
    await resolver.resolve('one')
    await resolver.resolve('two')
    registry.answer([])
    expect(await resolver.resolve('one')).toEqual([])
    expect(await resolver.resolve('two')).toEqual([instance('a')])
  })
})

test('a watch holds likewise', () => {
  const registry = scripted()
  const onIgnored = vi.fn<(answer: IgnoredAnswer) => void>()
  const resolver = lastKnownGood(registry.resolver, { onIgnored })
  const seen: (readonly Instance[])[] = []
  const onFault = vi.fn()
  resolver.watch('s', (instances) => seen.push(instances), onFault)
  registry.push(down)
  expect(onFault).toHaveBeenCalledExactlyOnceWith(down)
  registry.push([instance('a')])
  registry.push([])
  registry.push(down)
  expect(seen.every((instances) => instances.length === 1)).toBe(true)
  expect(onFault).toHaveBeenCalledOnce()
  expect(onIgnored.mock.calls.map(([{ reason }]) => reason)).toEqual(['empty', 'failed'])
})
