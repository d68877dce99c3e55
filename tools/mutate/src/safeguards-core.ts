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
  {
    promise: 'A time in the wrong unit is no time: the message has that of its arrival',
    file: 'libs/messaging/src/received-time.ts',
    find: 'return isEventTime(receivedAt) ? { receivedAt }',
    replace: 'return !Number.isNaN(ms) ? { receivedAt }',
    tests: ['libs/messaging/src/received-time.test.ts', 'libs/messaging/test/decoders.test.ts'],
  },
  {
    promise: 'A message whose headers its broker cannot carry becomes a dead letter with other names',
    file: 'libs/messaging/src/dead-letter-forms.ts',
    find: "if (fault !== 'bad-message' || isCarried) return",
    replace: 'if (isCarried || fault !== undefined) return',
    tests: ['libs/messaging/test/decoders.test.ts'],
  },
  {
    promise: 'A dead letter over the limit is made smaller, not tried again for ever',
    file: 'libs/messaging/src/dead-letter.ts',
    find: "if (error.fault !== 'too-large' && error.fault !== 'bad-message') throw error",
    replace: "if (error.fault !== 'bad-message') throw error",
    tests: ['libs/messaging/src/dead-letter-forms.test.ts'],
  },
  {
    promise: 'What a driver can receive over its own limit it publishes as a dead letter',
    file: 'libs/messaging/src/outgoing.ts',
    find: ' && !isDeadLetterTopic(topic)',
    replace: '',
    tests: ['libs/messaging/src/dead-letter-forms.test.ts'],
  },
  {
    promise: 'A topic that other programs named badly still has a topic of dead letters',
    file: 'libs/messaging/src/dead-letter-topics.ts',
    find: 'if (Buffer.byteLength(topic) <= roomBytes && isTopic(topic)) return topic',
    replace: 'if (isTopic(topic) || topic) return topic',
    tests: ['libs/messaging/src/dead-letter-forms.test.ts'],
  },
  {
    promise: 'A redrive leaves a letter of which the body was cut off',
    file: 'apps/reactor/src/redrive.ts',
    find: 'if (wholeBytes !== undefined) {',
    replace: "if (wholeBytes === '') {",
    tests: ['apps/reactor/test/redrive-foreign.test.ts'],
  },
]
