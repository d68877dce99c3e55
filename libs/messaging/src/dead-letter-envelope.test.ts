import { describe, expect, test } from 'vitest'
import { readEnvelope, withoutEnvelope, writeEnvelope, type DeadLetterEnvelope } from './dead-letter-envelope.ts'

const own = { 'content-type': 'application/json', traceparent: '00-aa-bb-01', 'x-tenant': 'eu' }

/** The headers that each writer leaves on a message, and the envelope that is read from them. */
const letters: readonly [writer: string, headers: Record<string, string>, says: Partial<DeadLetterEnvelope>][] = [
  [
    'spring',
    {
      'kafka_dlt-original-topic': 'orders',
      'kafka_dlt-original-partition': '3',
      'kafka_dlt-original-offset': '4711',
      'kafka_dlt-original-timestamp': '1767225600000',
      'kafka_dlt-original-timestamp-type': 'CreateTime',
      'kafka_dlt-original-consumer-group': 'billing',
      'kafka_dlt-exception-fqcn': 'org.springframework.kafka.listener.ListenerExecutionFailedException',
      'kafka_dlt-exception-cause-fqcn': 'java.lang.IllegalStateException',
      'kafka_dlt-exception-message': 'no such customer',
      'kafka_dlt-exception-stacktrace': 'at Billing.pay',
      'retry_topic-attempts': '4',
    },
    {
      topic: 'orders',
      position: { partition: 3, offset: 4711 },
      group: 'billing',
      error: 'java.lang.IllegalStateException',
      message: 'no such customer',
      stack: 'at Billing.pay',
      attempts: 4,
    },
  ],
  [
    'kafka-connect',
    {
      '__connect.errors.topic': 'orders',
      '__connect.errors.partition': '0',
      '__connect.errors.offset': '12',
      '__connect.errors.connector.name': 'to-search',
      '__connect.errors.task.id': '1',
      '__connect.errors.stage': 'VALUE_CONVERTER',
      '__connect.errors.class.name': 'org.apache.kafka.connect.json.JsonConverter',
      '__connect.errors.exception.class.name': 'org.apache.kafka.connect.errors.DataException',
      '__connect.errors.exception.message': 'no JSON',
      '__connect.errors.exception.stacktrace': 'at JsonConverter',
    },
    {
      topic: 'orders',
      position: { partition: 0, offset: 12 },
      handler: 'to-search',
      reason: 'value-converter',
      error: 'org.apache.kafka.connect.errors.DataException',
      message: 'no JSON',
      stack: 'at JsonConverter',
    },
  ],
  [
    'watermill',
    { reason_poisoned: 'no luck', topic_poisoned: 'orders', handler_poisoned: 'pay', subscriber_poisoned: 'kafka.Sub' },
    { topic: 'orders', handler: 'pay', message: 'no luck' },
  ],
  [
    'masstransit',
    {
      'mt-reason': 'fault',
      'mt-fault-exceptiontype': 'System.TimeoutException',
      'mt-fault-message': 'took too long',
      'mt-fault-stacktrace': 'at Pay',
      'mt-fault-timestamp': '2026-01-02T03:04:05.678Z',
      'mt-fault-inputaddress': 'rabbitmq://localhost/shop/submit-order?durable=true',
      'mt-fault-consumertype': 'Shop.SubmitOrderConsumer',
      'mt-fault-retrycount': '2',
      'mt-redelivery-count': '1',
    },
    {
      topic: 'submit-order',
      handler: 'Shop.SubmitOrderConsumer',
      reason: 'fault',
      error: 'System.TimeoutException',
      message: 'took too long',
      stack: 'at Pay',
      attempts: 3,
      deliveries: 2,
      failedAt: new Date('2026-01-02T03:04:05.678Z'),
    },
  ],
  [
    'nservicebus',
    {
      'nservicebus.failedq': 'Sales@HOST1',
      'nservicebus.processingendpoint': 'Sales',
      'nservicebus.exceptioninfo.exceptiontype': 'System.Exception',
      'nservicebus.exceptioninfo.message': 'broken',
      'nservicebus.exceptioninfo.stacktrace': 'at Sales',
      'nservicebus.timeoffailure': '2026-01-02 03:04:05:678901 Z',
      'nservicebus.retries': '3',
    },
    {
      topic: 'Sales',
      handler: 'Sales',
      error: 'System.Exception',
      message: 'broken',
      stack: 'at Sales',
      attempts: 4,
      failedAt: new Date('2026-01-02T03:04:05.678Z'),
    },
  ],
  [
    'rabbitmq',
    {
      'x-first-death-exchange': 'shop',
      'x-first-death-queue': 'billing',
      'x-first-death-reason': 'rejected',
      'x-last-death-reason': 'expired',
      'x-death': JSON.stringify([
        { queue: 'retry', reason: 'expired', count: 5, exchange: '', 'routing-keys': ['retry'] },
        {
          queue: 'billing',
          reason: 'rejected',
          count: 2,
          exchange: 'shop',
          'routing-keys': ['orders.eu'],
          time: '1970-01-01T00:00:00.000Z',
        },
      ]),
    },
    { topic: 'orders.eu', handler: 'billing', reason: 'rejected', attempts: 2, failedAt: new Date(0) },
  ],
]

describe('dead letters as others write them', () => {
  test.each(letters)('%s: what it says is read', (writer, headers, says) => {
    const envelope = readEnvelope({ ...own, ...headers })
    expect(envelope).toMatchObject({ writer, traceparent: own.traceparent, redrives: 0, ...says })
  })

  test.each(letters)('%s: names in capitals are the same names', (writer, headers, says) => {
    const shouted = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]))
    expect(readEnvelope(shouted)).toMatchObject({ writer, ...says })
  })

  test.each(letters)('%s: what is left without the envelope is the message own', (writer, headers) => {
    const endpoint = writer === 'nservicebus' ? { 'nservicebus.processingendpoint': 'Sales' } : {}
    expect(withoutEnvelope({ ...own, ...headers })).toEqual({ ...own, ...endpoint })
  })

  test.each(letters)('%s: nothing of it makes reading fail', (writer, headers) => {
    const names = Object.keys(headers)
    for (const value of [
      '',
      '\0\xff',
      '[',
      '{}',
      '[null]',
      '[[]]',
      '[{}]',
      '99999999999999999999',
      '-1',
      'x'.repeat(10_000),
    ]) {
      const broken = Object.fromEntries(names.map((name) => [name, value]))
      const envelope = readEnvelope(broken)
      expect(envelope?.writer).toBe(writer)
      expect(envelope?.position).toBeUndefined()
      expect(envelope?.failedAt).toBeUndefined()
    }
  })
})

test('a queue that was published to directly is the original of what RabbitMQ dead-lettered', () => {
  const death = [{ queue: 'billing', reason: 'expired', count: 1, exchange: '', 'routing-keys': ['billing'] }]
  expect(readEnvelope({ 'x-death': JSON.stringify(death) })).toMatchObject({ topic: 'billing', reason: 'expired' })
  expect(readEnvelope({ 'x-first-death-queue': 'billing' })).toMatchObject({ topic: 'billing' })
})

test('headers without a failure are no envelope', () => {
  expect(readEnvelope(own)).toBeUndefined()
  expect(readEnvelope({ 'dlt-redrives': '2' })).toBeUndefined()
})

describe('our envelope', () => {
  const facts = {
    topic: 'orders',
    position: { partition: 1, offset: 2 },
    time: new Date(5_000),
    group: 'sinks',
    handler: 'store',
    reason: 'timeout',
    error: 'TimeoutError',
    message: 'too late',
    stack: 'at store',
    attempts: 3,
    deliveries: 2,
    firstFailureMs: 1_000,
    lastFailureMs: 2_000,
  }

  test('is read as it was written', () => {
    const { topic, position, group, handler, reason, error, message, stack, attempts, deliveries } = facts
    expect(readEnvelope({ ...own, ...writeEnvelope(facts) })).toEqual({
      ...{ topic, position, group, handler, reason, error, message, stack, attempts, deliveries },
      writer: 'armature',
      version: 1,
      failedAt: new Date(2_000),
      traceparent: own.traceparent,
      redrives: 0,
    })
  })

  test('comes before those that were on the message already', () => {
    for (const [, headers] of letters) {
      expect(readEnvelope({ ...headers, ...writeEnvelope(facts) })).toMatchObject({
        writer: 'armature',
        topic: 'orders',
      })
    }
  })

  test('what has no position and no group says nothing of them', () => {
    const envelope = readEnvelope(writeEnvelope({ ...facts, position: undefined, group: undefined }))
    expect(envelope).toMatchObject({ position: undefined, group: undefined })
  })

  test('leaves the count of redrives, the mark of an edit and raw headers on the message', () => {
    const kept = { 'dlt-redrives': '2', 'dlt-edited-time': '2026-01-01T00:00:00.000Z', 'dlt-raw-source': 'a b' }
    const headers = { ...own, ...writeEnvelope(facts), ...kept }
    expect(withoutEnvelope(headers)).toEqual({ ...own, ...kept })
    expect(readEnvelope(headers)?.redrives).toBe(2)
  })
})
