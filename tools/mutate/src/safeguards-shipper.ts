import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise:
      'A line is acknowledged to the spool only when the broker holds it, though the next batch is read meanwhile',
    file: 'apps/log-shipper/src/shipper.ts',
    find: 'const refused = await publishRuns(retryingPublisher, taken.runs)',
    replace: 'const refused = await Promise.race([publishRuns(retryingPublisher, taken.runs), Promise.resolve([])])',
    tests: ['apps/log-shipper/test/broker.test.ts', 'apps/log-shipper/test/service.test.ts'],
  },
  {
    promise: 'Input is read ahead of the spool up to 256 KiB and no further',
    file: 'apps/log-shipper/src/chunks.ts',
    find: 'while (bytes < limitBytes) {',
    replace: 'while (limitBytes > 0) {',
    tests: ['apps/log-shipper/src/chunks.test.ts'],
  },
  {
    promise: 'A line that is no UTF-8 is found among lines that are, and dead-lettered',
    file: 'apps/log-shipper/src/lines.ts',
    find: 'if (isUtf8(data.subarray(0, ends[count - 1]))) return',
    replace: 'if (count > 0) return',
    tests: ['apps/log-shipper/src/lines.test.ts'],
  },
  {
    promise: 'A line that was acknowledged before a crash is not published again after it',
    file: 'apps/log-shipper/src/spool-reader.ts',
    find: 'if (own <= last) continue',
    replace: '',
    tests: ['apps/log-shipper/src/spool-recovery.test.ts'],
  },
  {
    promise: 'A run of messages is on the wire what its messages are, each with its own id',
    file: 'libs/messaging-kafka/src/run-records.ts',
    find: 'at += kind.beforeDigits(digits).copy(out, at)',
    replace: 'at += kind.beforeDigits(1).copy(out, at)',
    tests: ['libs/messaging-kafka/src/run-records.test.ts'],
  },
  {
    promise: 'A run with a message that no driver takes is refused before anything of it is sent',
    file: 'libs/messaging-kit/src/create-driver.ts',
    find: 'checkRun(topic, run, publishLimits())',
    replace: 'publishLimits()',
    tests: ['libs/messaging-kit/src/create-driver.test.ts'],
  },
  {
    promise: 'A line with a number beyond a double is not sent as JSON',
    file: 'apps/log-shipper/src/json-object.ts',
    find: 'isSurely || isPortableNumber(',
    replace: 'true || isPortableNumber(',
    tests: ['apps/log-shipper/src/json-object.test.ts'],
  },
]
