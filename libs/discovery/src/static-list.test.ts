import { describe, expect, test, vi } from 'vitest'
import { DiscoveryError } from './ports.ts'
import { staticList } from './static-list.ts'

const accepted = [
  ['127.0.0.1:5000', '127.0.0.1', 5000],
  ['search.default.svc:1', 'search.default.svc', 1],
  ['[::1]:65535', '::1', 65_535],
] as const

const rejected = ['127.0.0.1', ':5000', '127.0.0.1:0', '127.0.0.1:65536', '127.0.0.1:x', '::1:5000', 'a b:1', '']

describe('an address', () => {
  test.each(accepted)('%s is host %s, port %i', async (address, host, port) => {
    expect(await staticList({ s: [address] }).resolve('s')).toMatchObject([{ service: 's', host, port }])
  })

  test.each(rejected)('%j is refused by name', (address) => {
    expect(() => staticList({ s: [address] })).toThrow(DiscoveryError)
    expect(() => staticList({ s: [address] })).toThrow(JSON.stringify(address))
  })
})

test('a service that is not listed is a fault that names what is', async () => {
  const list = staticList({ reactor: ['127.0.0.1:1'] })
  await expect(list.resolve('search-service')).rejects.toThrow(/search-service.*reactor/)
  const onFault = vi.fn()
  const onChange = vi.fn()
  list.watch('search-service', onChange, onFault)
  await vi.waitFor(() => expect(onFault).toHaveBeenCalledOnce())
  expect(onChange).not.toHaveBeenCalled()
})

test('a watch tells the list once, unless it was cancelled', async () => {
  const list = staticList({ s: ['127.0.0.1:1', '127.0.0.1:2'] })
  const [kept, cancelled] = [vi.fn(), vi.fn()]
  list.watch('s', cancelled)()
  list.watch('s', kept)
  await vi.waitFor(() => expect(kept).toHaveBeenCalledOnce())
  expect(kept.mock.calls[0]?.[0]).toHaveLength(2)
  expect(cancelled).not.toHaveBeenCalled()
})

test('bug: a callback of a watch that threw ended the process: it is told as a fault', async () => {
  const onFault = vi.fn()
  const fault = new Error('not yet')
  const watched = () => {
    throw fault
  }
  staticList({ a: ['127.0.0.1:1'] }).watch('a', watched, onFault)
  await vi.waitFor(() => expect(onFault).toHaveBeenCalledExactlyOnceWith(fault))
})
