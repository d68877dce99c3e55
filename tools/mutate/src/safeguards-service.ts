import type { Safeguard } from './safeguard.ts'

/** What holds the promise in the life of a process, its HTTP servers, its workers, and alert-monitor. */
export const safeguards: readonly Safeguard[] = [
  {
    promise: 'No request target ends a process',
    file: 'libs/service/src/http-server.ts',
    find: "const url = URL.parse(target, 'http://localhost')",
    replace: 'const url = new URL(target)',
    tests: ['libs/service/src/http-server.test.ts'],
  },
  {
    promise: 'The admin server answers to no foreign name (DNS rebinding)',
    file: 'libs/service/src/http-server.ts',
    find: '!asked.hosts.every((host) => host !== undefined && answersTo(host))',
    replace: "!answersTo('localhost')",
    tests: ['libs/service/src/admin-http.test.ts'],
  },
  {
    promise: 'The status page answers to loopback alone',
    file: 'apps/all-in-one/src/page.ts',
    find: 'answersTo: isLoopbackHost,',
    replace: 'answersTo: () => isLoopbackHost.length > 0,',
    tests: ['apps/all-in-one/src/page.test.ts'],
  },
  {
    promise: 'HTTP connections are bounded in number',
    file: 'libs/service/src/http-server.ts',
    find: 'server.maxConnections = maxConnections',
    replace: 'void maxConnections',
    tests: ['libs/service/src/http-server.test.ts'],
  },
  {
    promise: 'An HTTP request must arrive within a time',
    file: 'libs/service/src/http-server.ts',
    find: 'requestTimeout: requestTimeoutMs,\n      headersTimeout: requestTimeoutMs,',
    replace: 'requestTimeout: 0,\n      headersTimeout: 0,',
    tests: ['libs/service/src/http-server.test.ts'],
  },
  {
    promise: 'An HTTP connection on which nothing moves is cut',
    file: 'libs/service/src/http-server.ts',
    find: 'server.timeout = idleTimeoutMs',
    replace: 'void idleTimeoutMs',
    tests: ['libs/service/src/http-server.test.ts'],
  },
  {
    promise: 'The streams of the status page are bounded in number',
    file: 'apps/all-in-one/src/page.ts',
    find: 'if (streams.size >= maxStreams)',
    replace: 'if (streams.size >= Infinity)',
    tests: ['apps/all-in-one/src/page.test.ts'],
  },
  {
    promise: 'A page that does not read its stream is given up',
    file: 'apps/all-in-one/src/page.ts',
    find: 'if (response.writableNeedDrain) response.destroy()',
    replace: 'if (response.writableNeedDrain) continue',
    tests: ['apps/all-in-one/src/page.test.ts'],
  },
  {
    promise: 'A listener that begins a promise says what becomes of its rejection',
    file: 'eslint.config.js',
    find: "'armature/listener-catches': 'error',",
    replace: '',
    tests: ['tools/tidy/test/lint.test.ts'],
  },
  {
    promise: 'A start that hangs when told to stop ends the process with 75',
    file: 'libs/service/src/lifecycle.ts',
    find: "const overran = started === undefined ? 'start' : started.ok",
    replace: 'const overran = started?.ok',
    tests: ['libs/service/src/lifecycle.test.ts'],
  },
  {
    promise: 'After unsubscribe the EventBus begins no call of an event that is being handed out',
    file: 'libs/messaging/src/event-bus-subscribers.ts',
    find: 'if (seat.removed) return undefined',
    replace: '',
    tests: ['libs/messaging/src/event-bus.test.ts'],
  },
  {
    promise: 'After unsubscribe the EventBus begins no call of an event that waits for its turn',
    file: 'libs/messaging/src/event-bus-subscribers.ts',
    find: 'stopped() || seat.removed ?',
    replace: 'stopped() ?',
    tests: ['libs/messaging/src/event-bus.test.ts'],
  },
]
