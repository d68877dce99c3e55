import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { brokerUrl, choice, decimal, durationMs, host, integer, list, port, text, toggle, url } from './settings.ts'

const cases: [string, z.ZodType, unknown[], unknown[]][] = [
  ['text', text(), ['x', ' '], ['', 1, null]],
  ['integer', integer({ min: 1, max: 3 }), [1, 3], [0, 4, 1.5, NaN, Infinity, '1']],
  ['integer without range', integer(), [-5, 2 ** 53 - 1], [2 ** 53, 0.5]],
  ['decimal', decimal({ min: 0, max: 1 }), [0, 0.5, 1], [-0.1, 1.1, NaN]],
  ['decimal without range', decimal(), [-1e300], [NaN, Infinity, -Infinity]],
  ['port', port(), [0, 65_535], [-1, 65_536]],
  ['durationMs', durationMs(), [0, 2 ** 31 - 1], [-1, 2 ** 31]],
  ['toggle', toggle(), [true, false], ['true', 1]],
  ['choice', choice(['a', 'b']), ['a'], ['c', '']],
  ['list', list(text()), [[], ['a']], ['a', ['']]],
  [
    'host',
    host(),
    ['localhost', 'a.b-c.example', '127.0.0.1', '::1', '_srv.x'],
    ['', 'a b', 'h:1', '-a', 'a/b', 'a'.repeat(254)],
  ],
  ['url', url(), ['memory:', 'nats://h:4222', 'postgres://u:p@h/d'], ['', 'no url', '//h']],
  ['url of a scheme', url(['http', 'https']), ['http://h', 'https://h/p'], ['ftp://h', 'http//h', 'httpx://h']],
  [
    'brokerUrl',
    brokerUrl(),
    [
      ...['memory:', 'memory:?partitions=1', 'kafka:', 'kafka://', 'nats://h', 'redis-streams://h:6379/0?prefix=a:'],
      ...['kafka://a:9092,b:9092', 'amqp://u:p@a:5672,b/vhost?x=1', 'nats://a,b:4222', 'jetstream://[::1]:4222,[::2]'],
      ...['kafka://u,v:p,w@a:9092,b:9092?clientId=a,b'],
    ],
    ['', 'a,b', '//a,b', 'kafka://a,,b', 'kafka://a,', 'kafka://a:9092,b:99999', 'kafka://a,b c', 'kafka://a,[::'],
  ],
]

describe.each(cases)('%s', (_name, schema, accepted, rejected) => {
  test.each(accepted.map((value) => [value]))('accepts %j', (value) => {
    expect(schema.safeParse(value).success).toBe(true)
  })
  test.each(rejected.map((value) => [value]))('rejects %j', (value) => {
    expect(schema.safeParse(value).success).toBe(false)
  })
})
