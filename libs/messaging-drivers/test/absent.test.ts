import { ConnectError } from '@armature/messaging/errors'
import { expect, test } from 'vitest'
import { openDriver } from '../src/open.ts'

test.each(['amqp', 'kafka', 'nats', 'jetstream', 'redis', 'redis-streams'])(
  'bug: the error of %s named a broker at an IPv6 address as ::1:1, an address without a port',
  async (scheme) => {
    const error: unknown = await openDriver(`${scheme}://[::1]:1?connectWaitMs=200`).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConnectError)
    expect((error as ConnectError).message).toContain('[::1]:1')
  },
)
