import type { Safeguard } from './safeguard.ts'

const outside = ['libs/messaging-kafka/test/outside.test.ts']

/** The promises of the drivers of Kafka and JetStream against other programs that change topics and streams. */
export const safeguards: readonly Safeguard[] = [
  {
    promise: 'Kafka: offsets that no handler sees do not hold a partition up',
    file: 'libs/messaging-kafka/src/claim.ts',
    find: 'tracker.unfinished(partition) === 0 ? next : 0',
    replace: 'tracker.unfinished(partition) === -1 ? next : 0',
    tests: ['libs/messaging-kafka/src/claim.test.ts'],
  },
  {
    promise: 'Kafka: if a batch is refused because of some of its messages, the others are stored',
    file: 'libs/messaging-kafka/src/send-outcome.ts',
    find: 'batchCodes.has(code) && records.length > 1',
    replace: 'batchCodes.has(code) && records.length < 0',
    tests: outside,
  },
  {
    promise: "Kafka: a handler keeps its messages when the log begins behind the group's offset by now",
    file: 'libs/messaging-kafka/src/window-feed.ts',
    find: 'if (claim.next < oldest) {',
    replace: 'if (claim.next < -oldest) {',
    tests: outside,
  },
  {
    promise: 'A removal from a topic of Kafka takes no other letter in the same place',
    file: 'libs/messaging-kafka/src/removal-search.ts',
    find: 'if (inPlace.get(record.offset) === contents) return true',
    replace: 'if (inPlace.has(record.offset)) return true',
    tests: outside,
  },
  {
    promise: 'A removal that a topic of Kafka does not allow leaves nothing there twice',
    file: 'libs/messaging-kafka/src/removal.ts',
    find: 'await deleteBelow(removal, place, cursor.next)',
    replace: '',
    tests: outside,
  },
  {
    promise: 'JetStream: a publish is confirmed as a repeat only while the stream has the first one',
    file: 'libs/messaging-nats/src/jetstream-publisher.ts',
    find: 'if (isStillStored === false) renew(sent)',
    replace: 'if (isStillStored === false) return stored(sent, sequence)',
    tests: ['libs/messaging-nats/test/jetstream-dedupe.test.ts'],
  },
  {
    promise: 'A message that was read before a JetStream stream was restored removes no message of the restored stream',
    file: 'libs/messaging-nats/src/jetstream-browser.ts',
    find: 'if (stored?.time.getTime() !== storedAtMs) continue',
    replace: '',
    tests: ['libs/messaging-nats/test/jetstream-lives.test.ts'],
  },
]
