import { expect, test } from 'vitest'
import { withoutCredentials } from './url-credentials.ts'

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`

test.each([
  ['http://host/path', undefined],
  ['http://shop:s3cret@host/path', basic('shop:s3cret')],
  ['http://shop@host/path', basic('shop:')],
  ['http://:s3cret@host/path', basic(':s3cret')],
  ['http://a%40b:c%3Ad@host/path', basic('a@b:c:d')],
  ['http://shop:50%@host/path', basic('shop:50%')],
])('%s', (given, expected) => {
  const { url, basic: sent } = withoutCredentials(given)
  expect(url.href).toBe('http://host/path')
  expect(sent).toBe(expected)
})

test('the URL that is given keeps them', () => {
  const given = new URL('http://shop:s3cret@host/')
  withoutCredentials(given)
  expect(given.password).toBe('s3cret')
})
