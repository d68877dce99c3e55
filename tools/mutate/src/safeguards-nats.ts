import type { Safeguard } from './safeguard.ts'

const lives = ['libs/messaging-nats/test/jetstream-lives.test.ts']
const oddHeaders = ['libs/messaging-nats/test/odd-headers.test.ts']
const lane = ['libs/messaging-nats/src/jetstream-lane.test.ts']

const takeover = ['libs/messaging-nats/src/jetstream-takeover.test.ts']

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'JetStream: a consumer that says nothing is looked for, and made again where it is gone',
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
    promise: 'JetStream: a member that is not the pinned one any more gives back what it keeps',
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
    promise: 'What a handler has of a deleted JetStream stream comes again until it succeeds',
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
    promise: 'JetStream: where one message is not stored, its topic is tried again as a whole, the first alone',
    file: 'libs/messaging-nats/src/jetstream-lane.ts',
    find: "if (state === 'flowing') transmit(item)",
    replace: 'if (items.length > 0) transmit(item)',
    tests: lane,
  },
  {
    promise: 'JetStream: what was stored before a message that precedes it is stored again behind that',
    file: 'libs/messaging-nats/src/jetstream-lane.ts',
    find: 'if (item.sequence !== undefined) renew(item)',
    replace: '',
    tests: lane,
  },
  {
    promise: 'What was read of a JetStream stream before it was made anew removes no message of the new one',
    file: 'libs/messaging-nats/src/jetstream-browser.ts',
    find: 'if ((await createdOf(stream)) !== created) continue',
    replace: '',
    tests: ['libs/messaging-nats/test/jetstream-dead-letters.test.ts'],
  },
  {
    promise: 'What NATS says of a message of a deleted stream makes no dead letter of another',
    file: 'libs/messaging-nats/src/jetstream-given-up.ts',
    find: ' || stored.time.getTime() > Date.parse(advisory.timestamp) + clockSkewMs',
    replace: '',
    tests: ['libs/messaging-nats/test/jetstream-dead-letters.test.ts'],
  },
  {
    promise: 'JetStream: a handler whose message is with another, its connection lost, is told by its signal',
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
    promise: 'JetStream: a header that the client cannot read makes no member of a group deaf',
    file: 'libs/messaging-nats/src/jetstream-pull.ts',
    find: "addedHeader(msg, 'Nats-Pin-Id')",
    replace: "(msg.headers?.get('Nats-Pin-Id') ?? '')",
    tests: oddHeaders,
  },
  {
    promise: 'JetStream: an answer that is not of the server makes no publisher deaf',
    file: 'libs/messaging-nats/src/jetstream-pub-ack.ts',
    find: 'statusOf(msg) === noResponders',
    replace: 'msg.headers?.code === noResponders',
    tests: oddHeaders,
  },
  {
    promise: 'NATS: an answer whose headers the client cannot read makes nobody deaf who asked',
    file: 'libs/messaging-nats/src/request.ts',
    find: 'firstAnswer(connection, { topic, request, timeoutMs })',
    replace: 'connection.nc.request(topic, body, { timeout: timeoutMs })',
    tests: oddHeaders,
  },
  {
    promise: 'JetStream: what NATS gives up becomes a dead letter, whatever its headers',
    file: 'libs/messaging-nats/src/jetstream-browser.ts',
    find: 'decodeMessage(contentsOf(stored), origin)',
    replace: 'decodeMessage({ headers: stored.header, data: stored.data }, origin)',
    tests: oddHeaders,
  },
]
