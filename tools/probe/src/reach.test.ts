import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { freePort } from '@armature/servers/free-port'
import { expect, onTestFinished, test } from 'vitest'
import { reach } from './reach.ts'

test('tells an open port from a closed one', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  expect(await reach(`127.0.0.1:${(server.address() as AddressInfo).port}`, 10_000)).toBe('open')
  expect(await reach(`127.0.0.1:${await freePort()}`, 10_000)).toBe('ECONNREFUSED')
})

test('a target without a port is refused', () => {
  expect(() => reach('platform-kafka', 1_000)).toThrow('platform-kafka: the port is missing')
})
