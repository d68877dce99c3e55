import type { Safeguard } from './safeguard.ts'

const lives = ['libs/messaging-nats/test/jetstream-lives.test.ts']
const oddHeaders = ['libs/messaging-nats/test/odd-headers.test.ts']
const lane = ['libs/messaging-nats/src/jetstream-lane.test.ts']

const takeover = ['libs/messaging-nats/src/jetstream-takeover.test.ts']

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'JetStream: a silent consumer is looked up, and made again if it is gone',
    file: 'libs/messaging-nats/src/jetstream-pull.ts',
    find: 'times > maxSilences ? gone() : writeOff()',
    replace: 'writeOff()',
    tests: ['libs/messaging-nats/src/jetstream-pull.test.ts'],
  },
  {
    promise: 'JetStream: a delivery that was lost on the way comes before later ones of its key',
    file: 'libs/messaging-nats/src/jetstream-takeover.ts',
    find: 'number > lastDelivery + 1',
    replace: 'number < 0',
    tests: takeover,
  },
  {
    promise: 'JetStream: a member that is no longer the pinned one gives back its messages',
    file: 'libs/messaging-nats/src/jetstream-takeover.ts',
    find: 'found !== undefined && found.pinId !== pinId',
    replace: 'false',
    tests: takeover,
  },
  {
    promise: 'A JetStream stream that was deleted and made again is read from its beginning',
    file: 'libs/messaging-nats/src/jetstream-lives.ts',
    find: 'if (life.created !== created) return false',
    replace: '',
    tests: lives,
  },
  {
    promise: 'An answer to a message of a deleted JetStream stream settles none of the stream that took its name',
    file: 'libs/messaging-nats/src/jetstream-durable-reader.ts',
    find: 'const beginNewLife = () => {',
    replace: 'const beginNewLife = () => {\n    if (!isStopped) return',
    tests: lives,
  },
  {
    promise: "A handler's message of a deleted JetStream stream comes again until it succeeds",
    file: 'libs/messaging-nats/src/jetstream-durable-reader.ts',
    find: 'delete arrival.reject',
    replace: '',
    tests: lives,
  },
  {
    promise: 'A JetStream group whose consumer was removed begins with the oldest message that a member has in hand',
    file: 'libs/messaging-nats/src/jetstream-consumers.ts',
    find: 'firstSequence > Math.max(1, from.offset)',
    replace: 'firstSequence < 0',
    tests: lives,
  },
  {
    promise: 'JetStream: if one message is not stored, its topic is tried again as a whole, the first alone',
    file: 'libs/messaging-nats/src/jetstream-lane.ts',
    find: "if (state === 'flowing') transmit(item)",
    replace: 'if (items.length > 0) transmit(item)',
    tests: lane,
  },
  {
    promise: 'JetStream: a message that was stored before its predecessor is stored again behind it',
    file: 'libs/messaging-nats/src/jetstream-lane.ts',
    find: 'if (item.sequence !== undefined) renew(item)',
    replace: '',
    tests: lane,
  },
  {
    promise: 'A message that was read before a JetStream stream was made anew removes no message of the new one',
    file: 'libs/messaging-nats/src/jetstream-browser.ts',
    find: 'if ((await createdOf(stream)) !== created) continue',
    replace: '',
    tests: ['libs/messaging-nats/test/jetstream-dead-letters.test.ts'],
  },
  {
    promise: 'An advisory on a message of a deleted stream makes no dead letter of another message',
    file: 'libs/messaging-nats/src/jetstream-given-up.ts',
    find: ' || stored.time.getTime() > Date.parse(advisory.timestamp) + clockSkewMs',
    replace: '',
    tests: ['libs/messaging-nats/test/jetstream-dead-letters.test.ts'],
  },
  {
    promise:
      'JetStream: after a lost connection the signal of a handler is aborted once its message is with another member',
    file: 'libs/messaging-nats/src/jetstream-unsettled.ts',
    find: 'if (expired.size > 0) takeBack(expired',
    replace: 'if (expired.size < 0) takeBack(expired',
    tests: ['libs/messaging-nats/test/jetstream-turns.test.ts'],
  },
  {
    promise: 'JetStream: events of different sources with one id are different events',
    file: 'libs/messaging-nats/src/jetstream-dedupe-id.ts',
    find: 'identityOf(message, source), contentsDigest(message)',
    replace: 'message.id, contentsDigest({ ...message, body: new Uint8Array() })',
    tests: ['libs/messaging-nats/test/jetstream-dedupe.test.ts'],
  },
  {
    promise: 'JetStream: a message that reuses the identity of another is not lost for a repeat',
    file: 'libs/messaging-nats/src/jetstream-dedupe-id.ts',
    find: ', contentsDigest(message), ...way',
    replace: ', ...way',
    tests: ['libs/messaging-nats/test/jetstream-dedupe.test.ts'],
  },
  {
    promise: 'JetStream: a repeat is counted',
    file: 'libs/messaging-nats/src/jetstream-publisher.ts',
    find: 'onDuplicate()\n      return',
    replace: 'return',
    tests: ['libs/messaging-nats/test/jetstream-dedupe.test.ts'],
  },
  {
    promise: '`npm run servers -- down` ends no servers that another checkout started',
    file: 'tools/servers/src/kept-state.ts',
    find: '.update(checkout)',
    replace: ".update('')",
    tests: ['tools/servers/test/command.test.ts'],
  },
  {
    promise: 'JetStream: after a header that the client cannot read, a member of a group still gets messages',
    file: 'libs/messaging-nats/src/jetstream-pull.ts',
    find: "addedHeader(msg, 'Nats-Pin-Id')",
    replace: "(msg.headers?.get('Nats-Pin-Id') ?? '')",
    tests: oddHeaders,
  },
  {
    promise: "JetStream: after an answer that is not the server's, a publisher still gets its answers",
    file: 'libs/messaging-nats/src/jetstream-pub-ack.ts',
    find: 'statusOf(msg) === noResponders',
    replace: 'msg.headers?.code === noResponders',
    tests: oddHeaders,
  },
  {
    promise: 'NATS: after an answer whose headers the client cannot read, requests still get their answers',
    file: 'libs/messaging-nats/src/request.ts',
    find: 'firstAnswer(connection, { topic, request, timeoutMs })',
    replace: 'connection.nc.request(topic, body, { timeout: timeoutMs })',
    tests: oddHeaders,
  },
  {
    promise: 'JetStream: a message that NATS gives up becomes a dead letter, whatever its headers',
    file: 'libs/messaging-nats/src/jetstream-browser.ts',
    find: 'decodeMessage(contentsOf(stored), origin)',
    replace: 'decodeMessage({ headers: stored.header, data: stored.data }, origin)',
    tests: oddHeaders,
  },
  {
    promise: 'A stream that is deleted while a pattern is subscribed to is passed over',
    file: 'libs/messaging-nats/src/jetstream-stream-readers.ts',
    find: 'unlessCode(open(stream, from), [apiErrors.noStream], undefined)',
    replace: 'unlessCode(open(stream, from), [apiErrors.overlap], undefined)',
    tests: ['libs/messaging-nats/test/jetstream-deleted-meanwhile.test.ts'],
  },
  {
    promise: 'A stream that is deleted while topics are listed is passed over',
    file: 'libs/messaging-nats/src/jetstream-browser.ts',
    find: 'unlessCode(jsm.streams.info(stream, options), [apiErrors.noStream], undefined)',
    replace: 'unlessCode(jsm.streams.info(stream, options), [apiErrors.overlap], undefined)',
    tests: ['libs/messaging-nats/test/jetstream-deleted-meanwhile.test.ts'],
  },
]
