import { expect, test } from 'vitest'
import { redactUrl } from './redact.ts'

const hiding: [string, string][] = [
  ['postgres://user:pass@host:5432/db', 'postgres://***@host:5432/db'],
  ['nats://token@host', 'nats://***@host'],
  ['amqp://user:p@ss@host/v', 'amqp://***@host/v'],
  ['amqp://user:p/a?s#s@host/v', 'amqp://***@host/v'],
  ['redis://:secret@host', 'redis://***@host'],
  ['amqp://user:123@host', 'amqp://***@host'],
  ['cannot reach "https://u:p@h/x", retry', 'cannot reach "https://***@h/x", retry'],
  ['a://u:p@h,b://u:p@i', 'a://***@h,b://***@i'],
  ['https://h/x?user=a&password=b&x=1', 'https://h/x?user=a&password=***&x=1'],
  ['https://h/x?access_token=b', 'https://h/x?access_token=***'],
  ['https://h/x?X-Amz-Signature=abc', 'https://h/x?X-Amz-Signature=***'],
]
test.each(hiding)('hides the credentials of %s', (given, expected) => {
  expect(redactUrl(given)).toBe(expected)
})

const keeping = [
  '',
  'memory:',
  'mail me@example.org',
  'http://host:8080/path/@scope',
  'http://host:8080/?q=a@b',
  'https://host/x?tokens=3&author=me',
  'kafka://a:9092,b:9092/topic',
]
test.each(keeping)('keeps %j', (given) => {
  expect(redactUrl(given)).toBe(given)
})

test('copes with a long text of starts that lead nowhere', () => {
  const given = '://a:'.repeat(100_000)
  expect(redactUrl(given)).toBe(given)
})
