import { ConfigError } from '@armature/config/faults'
import { loadConfig } from '@armature/config/load'
import { describe, expect, test } from 'vitest'
import { settings } from './config.ts'
import { brokerUrlOf, headersOf } from './kafka-flags.ts'

const load = (argv: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  loadConfig({ name: 'log-shipper', settings, argv, env }).config

const faultOf = (argv: readonly string[], env?: Readonly<Record<string, string>>): string => {
  try {
    load(argv, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('nothing is wrong with it')
}

describe('the broker', () => {
  test.each([
    [['-b', 'one'], {}, 'kafka://one'],
    [['-b', 'one:9093,[::1]:9092'], {}, 'kafka://one:9093,[::1]:9092'],
    [['-bone', '-b', 'two', '-z', 'zstd', '-p3'], {}, 'kafka://one,two?compression=zstd&partition=3'],
    [[], { KAFKA_BROKERS: 'one,two' }, 'kafka://one,two'],
    [['-p', '0'], { MESSAGING_URL: 'kafka://one?tls=true' }, 'kafka://one?tls=true&partition=0'],
    [['-z', 'none'], { MESSAGING_URL: 'kafka://one' }, 'kafka://one?compression=none'],
    [[], { MESSAGING_URL: 'nats://one' }, 'nats://one'],
    [[], {}, 'memory:'],
  ])('of %j and %j', (argv, env, url) => expect(brokerUrlOf(load(argv, env))).toBe(url))

  test.each([
    [['-b', 'one'], { MESSAGING_URL: 'kafka://canary' }, /brokers.*flag --brokers.*MESSAGING_URL \(--messaging-url\)/],
    [['-b', 'one', '--messaging-url=kafka://canary'], {}, /brokers.*MESSAGING_URL \(--messaging-url\)/],
    [['--messaging-url=kafka://canary'], { KAFKA_BROKERS: 'one' }, /env KAFKA_BROKERS.*MESSAGING_URL/],
    [['-b', 'kafka://one'], {}, /brokers.*no HOST or HOST:PORT/],
    [['-b', 'one:0'], {}, /the port 0 is not from 1 to 65535/],
    [['-b', ','], {}, /brokers/],
    [['-z', 'lz4', '-b', 'one'], {}, /compression.*only read: use zstd/],
    [['-z', 'brotli', '-b', 'one'], {}, /not one of none, gzip, snappy, zstd/],
    [['-p', '1'], { MESSAGING_URL: 'nats://canary' }, /partition.*for Kafka only: name one by -b HOST/],
    [['-z', 'gzip'], {}, /compression.*for Kafka only/],
    [['-p', '1'], { MESSAGING_URL: 'kafka://canary?partition=2' }, /partition.*also in MESSAGING_URL/],
    [['-p', '-1', '-b', 'one'], {}, /partition.*whole number/],
  ])('%j and %j are refused with the reason', (argv, env, problem) => {
    expect(faultOf(argv, env)).toMatch(problem)
    expect(faultOf(argv, env)).not.toContain('canary')
  })
})

describe('headers', () => {
  test('are NAME=VALUE, with any commas and equals signs, the last one of a name', () => {
    const { headers } = load(['-H', 'app=shop', '-H', 'x-list=a,b=c', '-Happ=till', '-H', 'empty='])
    expect(headersOf({ headers })).toEqual({ app: 'till', 'x-list': 'a,b=c', empty: '' })
    expect(load([], { LOG_HEADERS: '["a=1","b=2"]' }).headers).toEqual(['a=1', 'b=2'])
  })

  test.each([
    ['app', /no NAME=VALUE/],
    ['=v', /no NAME=VALUE/],
    ['App=v', /write app/],
    ['content-type=text/html', /the platform owns.*x-content-type/],
    ['Source=x', /the platform owns/],
    ['id=x', /the platform owns/],
    ['ce_id=x', /the platform owns/],
    ['dlt-reason=x', /the platform owns/],
    ['a b=x', /not every broker takes/],
    ['a=x\ny', /control character/],
    [`a=${'x'.repeat(1_001)}`, /more than 1000/],
  ])('%j is refused', (header, problem) => expect(faultOf(['-H', header])).toMatch(problem))
})

test.each([
  ['security.protocol=SASL_SSL', /tls=true/],
  ['sasl.mechanism=PLAIN', /sasl=/],
  ['sasl.password=canary', /passwordFile=/],
  ['acks=1', /acks=all/],
  ['linger.ms=5', /--batch-period-ms/],
  ['batch.size=5', /--batch-bytes/],
  ['compression.codec=lz4', /-z gzip, snappy or zstd/],
  ['bootstrap.servers=canary', /-b HOST/],
  ['fetch.min.bytes=1', /"fetch.min.bytes" is a property of librdkafka, which is not used here/],
])('-X %s is refused with what to use instead', (property, instead) => {
  expect(faultOf(['-X', property])).toMatch(instead)
  expect(faultOf(['-X', property])).not.toContain('canary')
})

test.each(['', '\n'])('-K %j is refused', (delimiter) => {
  expect(faultOf([`--key-delimiter=${delimiter}`])).toMatch(/keyDelimiter/)
})
