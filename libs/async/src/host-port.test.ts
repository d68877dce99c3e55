import { describe, expect, test } from 'vitest'
import { formatHostPort, parseHostPort } from './host-port.ts'

describe('parseHostPort', () => {
  test.each([
    ['127.0.0.1:1', '127.0.0.1', 1],
    ['localhost:65535', 'localhost', 65_535],
    ['search_v2.default.svc-1:5000', 'search_v2.default.svc-1', 5_000],
    ['bücher.example:80', 'bücher.example', 80],
    ['[::1]:1', '::1', 1],
    ['[2001:DB8::1]:5000', '2001:DB8::1', 5_000],
    ['[::ffff:10.0.0.1]:5000', '::ffff:10.0.0.1', 5_000],
    ['[fe80::1%eth0]:5000', 'fe80::1%eth0', 5_000],
  ])('%s is host %s, port %i', (text, host, port) => {
    expect(parseHostPort(text)).toEqual({ host, port })
    expect(parseHostPort(text, { defaultPort: 7 })).toEqual({ host, port })
  })

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['localhost', 'localhost'],
    ['[::1]', '::1'],
  ])('%s has the default port, and is refused where there is none', (text, host) => {
    expect(parseHostPort(text, { defaultPort: 7 })).toEqual({ host, port: 7 })
    expect(parseHostPort(text)).toEqual({ problem: 'the port is missing' })
  })

  test.each([
    ['h:0', /port 0 is not from 1 to 65535/],
    ['h:65536', /port 65536 is not from 1 to 65535/],
    ['[::1]:0', /port 0 /],
    ['h:', /port a number/],
    ['h:-1', /port a number/],
    ['h:1.5', /port a number/],
    ['h:http', /port a number/],
    ['h:100000', /port a number/],
    ['h:1:2', /port a number/],
    ['::1', /brackets/],
    ['::1:5000', /brackets/],
    ['2001:db8::1', /brackets/],
    ['', /host must be/],
    [':5000', /host must be/],
    ['[]:5000', /host must be/],
    ['[127.0.0.1]:5000', /host must be/],
    ['[localhost]:5000', /host must be/],
    ['[::1', /host must be/],
    ['[::1]5000', /host must be/],
    ['[[::1]]:5000', /host must be/],
    [' h:1', /host must be/],
    ['h:1 ', /host must be/],
    ['h:1\n', /host must be/],
    ['h :1', /host must be/],
    ['a,b:1', /host must be/],
    ['u@h:1', /host must be/],
    ['u:p@h:1', /host must be/],
    ['a/b:1', /host must be/],
    ['h?:1', /host must be/],
    ['%68:1', /host must be/],
  ])('%j is refused, and why is said', (text, problem) => {
    expect(parseHostPort(text)).toEqual({ problem: expect.stringMatching(problem) })
    expect(parseHostPort(text, { defaultPort: 7 })).toEqual({ problem: expect.stringMatching(problem) })
  })

  test('a problem does not hold the text', () => {
    expect(JSON.stringify(parseHostPort('joe:s3cret@h'))).not.toContain('s3cret')
  })
})

describe('formatHostPort', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1:1'],
    ['localhost', 'localhost:1'],
    ['::1', '[::1]:1'],
    ['::', '[::]:1'],
    ['::ffff:10.0.0.1', '[::ffff:10.0.0.1]:1'],
    ['fe80::1%eth0', '[fe80::1%eth0]:1'],
    ['[::1]', '[::1]:1'],
  ])('%s is %s', (host, text) => {
    expect(formatHostPort(host, 1)).toBe(text)
    expect(parseHostPort(text)).toEqual({ host: host.replace(/^\[|\]$/g, ''), port: 1 })
  })
})
