import { expect, test, vi } from 'vitest'
import { memoryDiscovery } from './memory.ts'
import { DiscoveryError } from './ports.ts'

const instance = (id: string, service = 'search-service') => ({ id, service, host: '127.0.0.1', port: 5000 })
const ids = (instances: readonly { id: string }[]) => instances.map(({ id }) => id)

test('finds what is registered, by service', async () => {
  const discovery = memoryDiscovery()
  await discovery.register(instance('a'))
  await discovery.register(instance('b'))
  await discovery.register(instance('other', 'reactor'))
  expect(ids(await discovery.resolve('search-service'))).toEqual(['a', 'b'])
  expect(await discovery.resolve('unheard-of')).toEqual([])
})

test('refuses an id twice, and takes it again after it left', async () => {
  const discovery = memoryDiscovery()
  const first = await discovery.register(instance('a'))
  await expect(discovery.register(instance('a'))).rejects.toThrow(DiscoveryError)
  await first.deregister()
  await discovery.register(instance('a'))
  await first.deregister()
  expect(ids(await discovery.resolve('search-service'))).toEqual(['a'])
})

test('a watch tells what there is, then each change, until cancelled', async () => {
  const discovery = memoryDiscovery()
  const a = await discovery.register(instance('a'))
  const seen: string[][] = []
  const cancel = discovery.watch('search-service', (instances) => seen.push(ids(instances)))
  expect(seen).toEqual([])
  await vi.waitFor(() => expect(seen).toEqual([['a']]))
  await discovery.register(instance('b'))
  await discovery.register(instance('other', 'reactor'))
  await a.deregister()
  await vi.waitFor(() => expect(seen.at(-1)).toEqual(['b']))
  expect(seen).toHaveLength(3)
  cancel()
  cancel()
  await discovery.register(instance('c'))
  await discovery.resolve('search-service')
  expect(seen).toHaveLength(3)
})

test('the last one to leave is told as an empty answer', async () => {
  const discovery = memoryDiscovery()
  const seen: string[][] = []
  discovery.watch('search-service', (instances) => seen.push(ids(instances)))
  const a = await discovery.register(instance('a'))
  await vi.waitFor(() => expect(seen.at(-1)).toEqual(['a']))
  await a.deregister()
  await vi.waitFor(() => expect(seen.at(-1)).toEqual([]))
})

test('two know nothing of each other', async () => {
  const [one, two] = [memoryDiscovery(), memoryDiscovery()]
  await one.register(instance('a'))
  expect(await two.resolve('search-service')).toEqual([])
})
