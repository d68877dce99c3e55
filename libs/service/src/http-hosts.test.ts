import { describe, expect, test } from 'vitest'
import { hostOf, isDirectHost, isLoopbackHost } from './http-hosts.ts'

test.each([
  ['127.0.0.1:8080', '127.0.0.1'],
  ['LocalHost', 'localhost'],
  ['[::1]:80', '::1'],
  ['[FE80::1%eth0]', 'fe80::1%eth0'],
  ['pod-7.search.svc.cluster.local:9090', 'pod-7.search.svc.cluster.local'],
])('%s names the host %s', (authority, host) => {
  expect(hostOf(authority)).toBe(host)
})

test.each(['', ':80', 'a b', 'user@host', 'host:port', 'host:123456', '[::1', '[1.2.3.4]', '::1', 'a/b', 'a,b', '[x]'])(
  '%j names no host',
  (authority) => {
    expect(hostOf(authority)).toBeUndefined()
  },
)

describe('isDirectHost', () => {
  const direct = isDirectHost(['Admin.internal'])

  test.each(['127.0.0.1', '10.1.2.3', '0.0.0.0', '::1', 'fd00::7', 'localhost', 'admin.internal'])('%s is', (host) => {
    expect(direct(host)).toBe(true)
  })

  test.each(['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io', '2130706433', 'admin', 'internal'])(
    '%s is not',
    (host) => {
      expect(direct(host)).toBe(false)
    },
  )
})

test('isLoopbackHost takes no address of the network', () => {
  expect(['127.0.0.1', '::1', 'localhost', '10.1.2.3', '0.0.0.0', 'x'].map(isLoopbackHost)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ])
})
