import type { Safeguard } from './safeguard.ts'

const writeGroup = { file: 'apps/aggregator/src/write-group.ts', tests: ['apps/aggregator/src/write-group.test.ts'] }
const faults = {
  file: 'apps/aggregator/src/sql-state-fault.ts',
  tests: ['apps/aggregator/src/sql-state-fault.test.ts'],
}
const migrating = { file: 'libs/database/src/migrate.ts', tests: ['libs/database/test/migrate.test.ts'] }
const sink = { file: 'apps/aggregator/src/postgres-sink.ts', tests: ['apps/aggregator/src/postgres-sink.test.ts'] }

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'The aggregator acknowledges a message only after its group was written',
    file: 'apps/aggregator/src/aggregate.ts',
    find: 'const errors = await write({',
    replace: 'const errors = await ((group) => (void write(group), Promise.resolve(messages.map(() => undefined))))({',
    tests: ['apps/aggregator/test/aggregator.test.ts'],
  },
  {
    promise: 'A row that cannot be made does not block the others of its batch',
    ...writeGroup,
    find: 'return halves(batch)',
    replace: 'return batch.map(() => outage(fault))',
  },
  {
    promise: 'In an outage of the sink no message is condemned',
    ...writeGroup,
    find: 'const works = goesOn && (await sinkWorks())',
    replace: 'const works = goesOn',
  },
  {
    promise: 'A message that fails as an outage ends is not condemned',
    ...writeGroup,
    find: 'const failuresAlone = 3',
    replace: 'const failuresAlone = 1',
  },
  {
    promise: 'No write to the sink begins once the aggregator closes',
    ...writeGroup,
    find: 'for (let attempt = firstAttempt; !closing.aborted; attempt += 1)',
    replace: 'for (let attempt = firstAttempt; attempt > 0; attempt += 1)',
  },
  {
    promise: 'A repeat that is not stored again is counted',
    ...writeGroup,
    find: 'if (repeats > 0)',
    replace: 'if (repeats > 1_000_000)',
  },
  {
    promise: 'A row that breaks a constraint is dead-lettered, not taken for an outage',
    ...faults,
    find: "['23', 'row']",
    replace: "['23', 'sink']",
  },
  {
    promise: 'A row beyond a limit of the database is dead-lettered, not taken for an outage',
    ...faults,
    find: "['54', 'row']",
    replace: "['54', 'sink']",
  },
  {
    promise: 'Events of different sources with one id are different events at the sink',
    ...sink,
    find: "message.headers['source'] ?? unknownSource",
    replace: 'unknownSource',
  },
  {
    promise: 'An event with the source and id of another one is not taken for its repeat',
    ...sink,
    find: "same ? 'duplicate' : reused",
    replace: "same || true ? 'duplicate' : reused",
  },
  {
    promise: 'A connection that the server ended is not used for the next statement',
    file: 'libs/database/src/postgres.ts',
    find: 'connectionEnds = /^(08|57P)/',
    replace: 'connectionEnds = /^08/',
    tests: ['libs/database/test/postgres.test.ts'],
  },
  {
    promise: 'A cancel that comes late does not hit the next statement of the connection',
    file: 'libs/database/src/postgres.ts',
    find: 'if (cancelled !== undefined) await cancelled',
    replace: '',
    tests: ['libs/database/test/postgres.test.ts'],
  },
  {
    promise: 'A migration may take as long as it needs',
    ...migrating,
    find: "await within.query('set local statement_timeout = 0')",
    replace: '',
  },
  {
    promise: 'A migration waits for the lock of a table for a bounded time only',
    ...migrating,
    find: 'await within.query(`set local lock_timeout = ${lockTimeoutMs}`)',
    replace: '',
  },
  {
    promise: 'Processes that migrate at once take turns',
    ...migrating,
    find: 'await lock(within)',
    replace: '',
  },
  {
    promise: 'A migration whose process is gone ends, and the next process has its turn',
    ...migrating,
    find: 'await endWithClient(within)',
    replace: '',
  },
  {
    promise: 'A GeoJSON file that is not in WGS 84 is refused as a whole',
    file: 'tools/search/src/import-file.ts',
    find: 'if (foreign !== undefined) throw new CrsError(foreign)',
    replace: '',
    tests: ['tools/search/test/import.test.ts'],
  },
  {
    promise: 'An import without a usable feature does not exit with 0',
    file: 'tools/search/src/import-command.ts',
    find: 'return report.imported === 0 || (asked',
    replace: 'return (asked',
    tests: ['tools/search/test/import-command.test.ts'],
  },
  {
    promise: 'An outline beyond 180 degrees is found on the other side of the antimeridian',
    file: 'apps/search-service/src/import-things.ts',
    find: 'ST_UnaryUnion(ST_WrapX(ST_WrapX(${polygons}, 180, -360), -180, 360))',
    replace: '${polygons}',
    tests: ['tools/search/test/import.test.ts'],
  },
  {
    promise: 'An edge of more than 180 degrees is reported as doubtful',
    file: 'tools/search/src/outline.ts',
    find: 'width > halfRound',
    replace: 'width > wholeRound',
    tests: ['tools/search/src/feature.test.ts'],
  },
  {
    promise: 'The socket of a killed process is taken over',
    file: 'libs/service/src/socket-path.ts',
    find: "error.code === 'ECONNREFUSED'",
    replace: "error.code === 'ENOENT'",
    tests: ['apps/search-service/test/unix-socket.test.ts'],
  },
  {
    promise: 'The socket of a living process is not taken over',
    file: 'libs/service/src/socket-path.ts',
    find: 'resolve(false)',
    replace: 'resolve(true)',
    tests: ['apps/search-service/test/unix-socket.test.ts'],
  },
  {
    promise: 'A write of the aggregator that is under way when it closes is not waited for',
    file: 'apps/aggregator/src/write-group.ts',
    find: 'unlessAborted(signal, job(signal)),',
    replace: 'job(signal),',
    tests: ['apps/aggregator/src/write-group.test.ts', 'apps/aggregator/test/drain.test.ts'],
  },
  {
    promise: 'Messages that the aggregator holds come again when it closes without having written them',
    file: 'apps/aggregator/src/pipeline.ts',
    find: 'close: () => closing.abort()',
    replace: 'close: () => undefined',
    tests: ['apps/aggregator/test/drain.test.ts'],
  },
]
