import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A service starts by the URL of a broker with several hosts',
    file: 'libs/config/src/common.ts',
    find: 'messagingUrl: brokerUrl()',
    replace: 'messagingUrl: url()',
    tests: ['apps/all-in-one/test/readme-urls.test.ts'],
  },
  {
    promise: 'No error shows a password of which a slash was not escaped',
    file: 'libs/messaging/src/broker-url.ts',
    find: "if (path.includes('@'))",
    replace: "if (path.includes('@@'))",
    tests: ['libs/messaging/src/broker-url.test.ts'],
  },
  {
    promise: 'No error shows a password of which a question mark was not escaped',
    file: 'libs/messaging/src/broker-url.ts',
    find: "if (query.includes('@'))",
    replace: "if (query.includes('@@'))",
    tests: ['libs/messaging/src/broker-url.test.ts'],
  },
]
