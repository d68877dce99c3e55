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
]
