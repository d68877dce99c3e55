import { expect, test } from 'vitest'
import { oneLine, printable, shownBody } from './terminal-text.ts'

test('what could steer a terminal is written out', () => {
  expect(printable('a\u001b]0;title\u0007b\u202ec\r\n\td')).toBe('a\\u001b]0;title\\u0007b\\u202ec\\u000d\n\td')
  expect(oneLine('a\n  b\u001b', 100)).toBe('a b\\u001b')
  expect(oneLine('x'.repeat(50), 10)).toBe('xxxxxxx...')
})

test.each([
  ['text', Buffer.from('grüße'), 100, { body: 'grüße', encoding: 'text', bytes: 7, truncated: false }],
  ['nothing', Buffer.alloc(0), 100, { body: '', encoding: 'text', bytes: 0, truncated: false }],
  ['bytes', Buffer.from([0xff, 0x00]), 100, { body: '/wA=', encoding: 'base64', bytes: 2, truncated: false }],
  ['a NUL', Buffer.from('a\0b'), 100, { encoding: 'base64' }],
  ['text cut within a character', Buffer.from('aüb'), 2, { body: 'a', encoding: 'text', bytes: 4, truncated: true }],
  [
    'bytes, cut',
    Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    3,
    { encoding: 'base64', bytes: 6, truncated: true },
  ],
  ['half a character at the end', Buffer.from([0x61, 0xc3]), 100, { encoding: 'base64' }],
])('a body of %s', (_, body, most, shown) => {
  expect(shownBody(body, most)).toMatchObject(shown)
})
