import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'An alert and what it causes belong to the trace of the sample by which it began',
    file: 'apps/alert-monitor/src/rules/monitor.ts',
    find: 'if (trace !== noTrace) watch.trace = trace',
    replace: '',
    tests: ['apps/all-in-one/test/trace.test.ts'],
  },
  {
    promise: 'A handler runs no program that the settings do not allow',
    file: 'apps/reactor/src/command-action.ts',
    find: 'if (!allowed.includes(path)) {',
    replace: "if (path === '') {",
    tests: ['apps/reactor/test/command-action.test.ts'],
  },
  {
    promise: 'A program and all that it started end at its deadline',
    file: 'apps/reactor/src/command-action.ts',
    find: "process.kill(-pid, 'SIGKILL')",
    replace: "process.kill(pid, 'SIGTERM')",
    tests: ['apps/reactor/test/command-action.test.ts'],
  },
  {
    promise: 'A program gets nothing of the environment of the reactor',
    file: 'apps/reactor/src/command-action.ts',
    find: 'env: environmentOf(message),',
    replace: 'env: { ...process.env, ...environmentOf(message) },',
    tests: ['apps/reactor/test/command-action.test.ts'],
  },
  {
    promise: 'A replay ends with an error when a handler goes on asking for a message, and skips none',
    file: 'apps/reactor/src/replay.ts',
    find: 'if (attempt < maxDeliveries) {',
    replace: 'if (attempt >= maxDeliveries) return; {',
    tests: ['apps/reactor/test/replay.test.ts'],
  },
  {
    promise: 'A replay that has not looked at the whole topic says so',
    file: 'apps/reactor/src/replay.ts',
    find: ' || looked > maxLooked',
    replace: '',
    tests: ['apps/reactor/test/replay.test.ts'],
  },
  {
    promise: 'A replay gives no message to a handler that waits for other topics',
    file: 'apps/reactor/src/replay.ts',
    find: 'if (part?.join !== undefined) {',
    replace: 'if (part?.join === "") {',
    tests: ['apps/reactor/test/replay.test.ts'],
  },
]
