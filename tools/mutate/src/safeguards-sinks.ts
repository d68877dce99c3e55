import type { Safeguard } from './safeguard.ts'

const sink = { file: 'apps/aggregator/src/opensearch-sink.ts', tests: ['apps/aggregator/src/opensearch-sink.test.ts'] }
const document = {
  file: 'apps/aggregator/src/opensearch-document.ts',
  tests: ['apps/aggregator/src/opensearch-sink.test.ts'],
}
const answer = {
  file: 'apps/aggregator/src/opensearch-answer.ts',
  tests: ['apps/aggregator/src/opensearch-sink.test.ts'],
}

const file = { file: 'apps/aggregator/src/ndjson-file.ts', tests: ['apps/aggregator/src/file-sink.test.ts'] }
const namedQueue = ['libs/messaging-amqp/test/named-queue.test.ts']

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A message is acknowledged only after the answer of the index',
    ...sink,
    find: `      await send(placesOf(batch, options, new Date(clock.now()).toISOString(), outcomes), outcomes, signal)
`,
    replace: `      send(placesOf(batch, options, new Date(clock.now()).toISOString(), outcomes), outcomes, signal).catch(() => undefined)
      if (outcomes.size === 0) return batch.map(() => 'written')
`,
  },
  {
    promise: 'A document has the id of its event, so that a repeat is not stored twice',
    ...document,
    find: "kind === 'id' ? message.id :",
    replace: "kind === 'id' ? crypto.randomUUID() :",
  },
  {
    promise: 'A body with line feeds cannot add an action to a bulk request',
    ...document,
    find: "json.replaceAll(/[\\n\\r]/g, ' ')",
    replace: 'json',
  },
  {
    promise: 'Another event under the id of a stored document is dead-lettered, not taken for a repeat',
    ...sink,
    find: "isSame ? 'duplicate' : reused",
    replace: "isSame ? 'duplicate' : 'duplicate'",
  },
  {
    promise: 'An answer for other documents settles none of the messages',
    ...sink,
    find: '_id !== undefined && _id !==',
    replace: '_id === undefined && _id !==',
  },
  {
    promise: 'Messages wait for an index that takes no writes for now, and none is dead-lettered',
    ...answer,
    find: ' || error?.type === blocked',
    replace: '',
  },
  {
    promise: 'A busy index is not asked before the time that it asks for',
    file: 'apps/aggregator/src/write-group.ts',
    find: 'Math.min(leastMs, longestAskedMs) + delayMs',
    replace: 'delayMs',
    tests: ['apps/aggregator/src/opensearch-sink.test.ts'],
  },
  {
    promise: 'Requests at once halve when the index is busy',
    file: 'apps/aggregator/src/adaptive-concurrency.ts',
    find: 'limit = Math.max(1, Math.floor(limit / 2))',
    replace: 'limit = Math.max(1, limit)',
    tests: ['apps/aggregator/src/adaptive-concurrency.test.ts'],
  },
  {
    promise: 'A group that the sink did not take is written before the next one of its key',
    file: 'apps/aggregator/src/in-order.ts',
    find: 'if (places.length === 0 || closing.aborted) return settled',
    replace: 'if (places.length >= 0 || closing.aborted) return settled',
    tests: ['apps/aggregator/src/in-order.test.ts'],
  },
  {
    promise: 'A repeat of a message whose group is being written is not acknowledged before it is written',
    file: 'apps/aggregator/src/late.ts',
    find: "return group.isWritten ? 'repeat' : 'early'",
    replace: "return group.isWritten ? 'repeat' : 'repeat'",
    tests: ['apps/aggregator/src/aggregate.test.ts'],
  },
  {
    promise: 'A message that came twice counts once in a merged document',
    file: 'apps/aggregator/src/fold.ts',
    find: 'valueOf(distinct)]',
    replace: 'valueOf(messages)]',
    tests: ['apps/aggregator/src/fold.test.ts'],
  },
  {
    promise: 'A RabbitMQ queue of others is consumed with the arguments that it has',
    file: 'libs/messaging-amqp/src/topology.ts',
    find: `    if (code === preconditionFailed) return
`,
    replace: '',
    tests: namedQueue,
  },
  {
    promise: 'Two groups do not share the messages of one RabbitMQ queue by mistake',
    file: 'libs/messaging-amqp/src/named-queue-readers.ts',
    find: 'readers > 0 &&',
    replace: 'readers < 0 &&',
    tests: namedQueue,
  },
  {
    promise: 'A dead letter of a RabbitMQ queue that is published again is back in that queue',
    file: 'libs/messaging-amqp/src/publisher.ts',
    find: '!isDeadLetter && topic === settings.queue',
    replace: '!isDeadLetter && topic === `${settings.queue}.`',
    tests: namedQueue,
  },
  {
    promise: 'A message of a topic that is subscribed to by name is stored, also if the name ends in .DLT',
    file: 'apps/aggregator/src/pipeline.ts',
    find: 'isPattern(topic) && !isDeadLetterTopic(topic)',
    replace: '!isDeadLetterTopic(topic)',
    tests: ['apps/aggregator/test/aggregator.test.ts'],
  },
  {
    promise: 'An index that the cluster will not make is found by the start, not by the messages',
    file: 'apps/aggregator/src/opensearch-preflight.ts',
    find: 'if (setting === undefined || mayBeMade(index, setting)) return',
    replace: 'if (setting !== null) return',
    tests: ['apps/aggregator/test/opensearch-start.test.ts'],
  },
  {
    promise: 'A server that is no search server is found by the start',
    file: 'apps/aggregator/src/opensearch-preflight.ts',
    find: 'if (status === 200) return bulkResults(text)',
    replace: 'return []',
    tests: ['apps/aggregator/test/opensearch-start.test.ts'],
  },
  {
    promise: 'A write to a silent index ends at its time limit',
    file: 'apps/aggregator/src/write-group.ts',
    find: 'withTimeout({ limitMs: writeTimeoutMs, clock,',
    replace: 'withTimeout({ limitMs: 100 * writeTimeoutMs, clock,',
    tests: ['apps/aggregator/src/opensearch-silence.test.ts'],
  },
  {
    promise: 'A process that is killed loses no message: a group is acknowledged after it was written',
    file: 'apps/aggregator/src/aggregate.ts',
    find: `const errors = await write({ correlationKey: key, messages, mechanism: reason }).catch((fault: Error) =>
        messages.map(() => fault),
      )`,
    replace: `void write({ correlationKey: key, messages, mechanism: reason }).catch(() => undefined)
      const errors: readonly (Error | undefined)[] = messages.map(() => undefined)`,
    tests: ['apps/aggregator/test/fault-seeds.test.ts'],
  },
  {
    promise: 'A process that is killed leaves one document a message: the id of the event is the id of the document',
    ...document,
    find: "kind === 'id' ? message.id :",
    replace: "kind === 'id' ? crypto.randomUUID() :",
    tests: ['apps/aggregator/test/fault-seeds.test.ts'],
  },
  {
    promise: 'A partial last line that a killed process left is cut off',
    ...file,
    find: 'await handle.truncate(whole)',
    replace: 'await handle.truncate((await handle.stat()).size)',
  },
  {
    promise: 'A file that somebody removed while it was written costs no acknowledged line',
    ...file,
    find: '(await handle.stat()).nlink === 0',
    replace: '(await handle.stat()).nlink < 0',
  },
  {
    promise: 'A file of lines has its name only when it is complete',
    ...file,
    find: "await open(`${path}${unfinished}`, 'wx', 0o640)",
    replace: 'await open(path, `wx`, 0o640)',
  },
  {
    promise: 'The file of a process that lives is not completed by another one',
    ...file,
    find: ': isAlive(Number(pid))',
    replace: ': false',
  },
  {
    promise: 'A line is written before it is acknowledged',
    file: 'apps/aggregator/src/file-sink.ts',
    find: "if (texts.length > 0) await append(Buffer.from(texts.join('')))",
    replace: "if (texts.length > 0) append(Buffer.from(texts.join(''))).catch(() => undefined)",
    tests: ['apps/aggregator/src/file-sink.test.ts'],
  },
  {
    promise: 'What is written to a topic is acknowledged by the broker of that topic first',
    file: 'apps/aggregator/src/topic-sink.ts',
    find: 'if (!(error instanceof PublishError) || !faultsOfMessage.has(error.fault)) throw error',
    replace:
      "if (!(error instanceof PublishError) || !faultsOfMessage.has(error.fault)) return batch.map(() => 'written')",
    tests: ['apps/aggregator/src/topic-sink.test.ts'],
  },
]
