import { describe, expect, test } from 'vitest'
import { createSign } from './signature.ts'

const body = Buffer.from('{"test": 2432232314}')
const request = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timeMs: 1_614_265_330_999, body }
const secret = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

describe('a signature', () => {
  test.each([secret, `whsec_${secret}`])('is that of the example of Standard Webhooks, by the secret %s', (given) => {
    expect(createSign(given)(request)).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })

  test('covers the id, the time and every byte of the body', () => {
    const sign = createSign(secret)
    const signatures = [
      sign(request),
      sign({ ...request, id: 'other' }),
      sign({ ...request, timeMs: request.timeMs + 1 }),
      sign({ ...request, body: Buffer.from([0xff, 0x00]) }),
    ].map((headers) => headers['webhook-signature'])
    expect(new Set(signatures).size).toBe(4)
  })

  test('is there once for each secret', () => {
    const other = Buffer.alloc(32, 7).toString('base64')
    const [first, second] = [secret, other].map((each) => createSign(each)(request)['webhook-signature'])
    expect(createSign(`${secret} ${other}`)(request)['webhook-signature']).toBe(`${first} ${second}`)
  })
})

test.each([
  ['too short', Buffer.alloc(23).toString('base64')],
  ['too long', Buffer.alloc(65).toString('base64')],
  ['no Base64', 'canary canary canary canary!'],
  ['empty', ' '],
])('a secret that is %s is refused and not shown', (_, given) => {
  expect(() => createSign(given)).toThrow(TypeError)
  expect(() => createSign(given)).toThrow(/^(?!.*canary)/)
})

test.each([24, 64])('a secret of %d bytes is taken', (length) => {
  expect(createSign(Buffer.alloc(length, 1).toString('base64'))(request)['webhook-signature']).toMatch(/^v1,/)
})
