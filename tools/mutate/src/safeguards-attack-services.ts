import type { Safeguard } from './safeguard.ts'

/** The promises against hostile input, callbacks and readers. */
export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A drain does not wait for a reader of the echo that has stopped reading',
    file: 'apps/log-shipper/src/service.ts',
    find: 'intake.hurry()',
    replace: '',
    tests: ['apps/log-shipper/test/service.test.ts'],
  },
  {
    promise: 'A sample whose name is an object is refused, and does not throw',
    file: 'apps/alert-monitor/src/collect/sample-body.ts',
    find: " && typeof item.name === 'string'",
    replace: '',
    tests: ['apps/alert-monitor/src/collect/sample-body.test.ts'],
  },
  {
    promise: 'A value that is longer than a variable may be is left out, and armature-env goes on',
    file: 'tools/env/src/environment.ts',
    find: '<= maxVariableBytes',
    replace: '< Infinity',
    tests: ['tools/env/src/environment.test.ts'],
  },
  {
    promise: 'A change does not start a command again that has ended',
    file: 'tools/env/src/supervisor.ts',
    find: 'if (stopping || over) return',
    replace: 'if (stopping) return',
    tests: ['tools/env/src/supervisor.test.ts'],
  },
  {
    promise: 'A callback of a watch that throws does not end the process',
    file: 'libs/discovery/src/tell.ts',
    find: 'process.emitWarning(error instanceof Error ? error : String(error))',
    replace: 'throw error',
    tests: ['libs/discovery/src/blocking-query.test.ts'],
  },
  {
    promise: 'An answer in the place of Consul is read to 64 MiB and no further',
    file: 'libs/discovery/src/answer-bound.ts',
    find: 'if (bytes <= maxAnswerBytes) return',
    replace: 'if (bytes <= Infinity) return',
    tests: ['libs/discovery/test/foreign-answers.test.ts'],
  },
  {
    promise: 'A segment whose number is out of range holds up no append',
    file: 'apps/log-shipper/src/segment.ts',
    find: '  if (firstSequence > maxFirstSequence) return undefined\n',
    replace: '',
    tests: ['apps/log-shipper/src/spool-recovery.test.ts'],
  },
  {
    promise: 'The search for the next record of a damaged segment yields to other work',
    file: 'apps/log-shipper/src/record.ts',
    find: 'if (performance.now() < turnEndsAt) continue',
    replace: 'continue',
    tests: ['apps/log-shipper/src/record-search.test.ts'],
  },
  {
    promise: 'A stop does not wait for a broker that is away at the start',
    file: 'libs/messaging/src/opened-unless.ts',
    find: 'return await unlessAborted(stopping, opening)',
    replace: 'return await opening',
    tests: ['apps/all-in-one/test/stop-in-start.test.ts'],
  },
]
