import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A key that is no text keeps its bytes, and its partition',
    file: 'libs/messaging/src/message-key.ts',
    find: 'keyBytes: key === text ? undefined : Uint8Array.from(bytes)',
    replace: 'keyBytes: undefined',
    tests: ['libs/messaging/src/message-key.test.ts'],
  },
  {
    promise: 'A tombstone is told apart from an empty value, on every driver',
    file: 'libs/messaging/src/cloud-event-attributes.ts',
    find: "if (!nativeRecord) attributes[tombstoneAttribute] = 'true'",
    replace: '',
    tests: ['libs/messaging/test/redis-streams-conformance.test.ts'],
  },
  {
    promise: 'Events of different sources are different events, whatever their ids',
    file: 'libs/messaging/src/identity.ts',
    find: "const source = headers['source'] ?? defaultSource",
    replace: 'const source = defaultSource',
    tests: ['libs/messaging/src/identity.test.ts'],
  },
]
