import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A line with white space around it that JSON does not know is not sent as JSON',
    file: 'apps/log-shipper/src/json-object.ts',
    find: "Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')",
    replace: "Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').trim()",
    tests: ['apps/log-shipper/src/json-object.test.ts', 'apps/log-shipper/test/service.test.ts'],
  },
  {
    promise: 'A line of JSON that a database refuses is not sent as JSON',
    file: 'apps/log-shipper/src/json-object.ts',
    find: '|| isPortable(text)',
    replace: '|| true',
    tests: ['apps/log-shipper/src/json-object.test.ts', 'apps/log-shipper/test/json-database.test.ts'],
  },
  {
    promise: 'A broker that is away at the start does not end the shipper: lines are spooled',
    file: 'apps/log-shipper/src/late-broker.ts',
    find: 'if (signal.aborted || !isAway(error)) throw error',
    replace: 'throw error',
    tests: ['apps/log-shipper/test/broker.test.ts'],
  },
  {
    promise: 'A wrong URL or wrong credentials end the shipper and say so',
    file: 'apps/log-shipper/src/late-broker.ts',
    find: "error instanceof ConnectError && error.fault === 'unavailable'",
    replace: 'error instanceof ConnectError',
    tests: ['apps/log-shipper/test/broker.test.ts'],
  },
  {
    promise: 'Lines that waited for a broker that was away at the start are published once',
    file: 'apps/log-shipper/src/delivery.ts',
    find: `    await untilAborted(signal, opened)
`,
    replace: '',
    tests: ['apps/log-shipper/test/broker.test.ts'],
  },
]
