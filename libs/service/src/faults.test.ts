import { commonSettings } from '@armature/config/common'
import { port } from '@armature/config/settings'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { describeError, exitCodeOf, explainListenError, ServiceError } from './faults.ts'

describe('the exit code of an error', () => {
  test.each([
    [new ServiceError('x', { exitCode: 69 }), 69],
    [Object.assign(new Error('x'), { exitCode: 78 }), 78],
    [{ exitCode: 255 }, 255],
  ])('%j is its own', (error, code) => {
    expect(exitCodeOf(error)).toBe(code)
  })

  test.each([
    new Error('x'),
    { exitCode: 0 },
    { exitCode: 256 },
    { exitCode: 1.5 },
    { exitCode: '69' },
    null,
    undefined,
    'x',
  ])('%j has none: 70', (error) => {
    expect(exitCodeOf(error)).toBe(70)
  })
})

describe('an error in one line', () => {
  test.each([
    [new Error('a'), 'a'],
    [new Error('a\n  b'), 'a b'],
    [new Error('a', { cause: new Error('b', { cause: new Error('c') }) }), 'a: b: c'],
    [new Error('cannot open: b', { cause: new Error('b') }), 'cannot open: b'],
    [new ServiceError('a', { fix: 'Do b', cause: new Error('c') }), 'a: c. Do b'],
    ['text', 'text'],
    [undefined, 'undefined'],
    [new TypeError(), 'TypeError'],
  ])('%j', (error, line) => {
    expect(describeError(error)).toBe(line)
  })

  test('ends though the causes do not', () => {
    const error = new Error('a')
    error.cause = error
    expect(describeError(error)).toBe('a')
  })
})

describe('an error of listen', () => {
  const settings = z.object({ ...commonSettings, grpcPort: port().default(0), otherPort: port().default(0) })
  const failed = (code: string, syscall = 'listen', address = '127.0.0.1', port = 5_000) =>
    Object.assign(new Error(`${syscall} ${code}`), { code, syscall, address, port })
  const explained = (error: unknown, config: object) => explainListenError(error, settings, { ...config })

  test('names the address, the setting and what to do', () => {
    const error = explained(failed('EADDRINUSE'), { grpcPort: 5_000, otherPort: 0 })
    expect(exitCodeOf(error)).toBe(69)
    expect(describeError(error)).toBe(
      'cannot listen on 127.0.0.1:5000: the port is taken. Stop what holds the port, or set --grpc-port (env GRPC_PORT) to another one or to 0 for any free one',
    )
  })

  test.each([
    ['::1', 5_000, '[::1]:5000'],
    ['/run/search.sock', -1, '/run/search.sock'],
  ])('bug: %s and the port %i were put together with a colon', (address, port, where) => {
    const error = explained(failed('EADDRINUSE', 'listen', address, port), {})
    expect(describeError(error)).toContain(`cannot listen on ${where}: `)
  })

  test('names every setting that may be meant, and is found among the causes', () => {
    const error = explained(new Error('cannot open', { cause: failed('EADDRINUSE', 'bind') }), {
      grpcPort: 5_000,
      otherPort: 5_000,
    })
    expect(describeError(error)).toMatch(/--grpc-port \(env GRPC_PORT\) or --other-port \(env OTHER_PORT\)/)
  })

  test.each([
    ['EACCES', /may not open the port/],
    ['EADDRNOTAVAIL', /no such address.*Set the host/],
    ['EWHATEVER', /listen EWHATEVER/],
  ])('%s says why', (code, text) => {
    expect(describeError(explained(failed(code), {}))).toMatch(text)
  })

  test('any other error comes back as it is', () => {
    const error = failed('ECONNREFUSED', 'connect')
    expect(explained(error, {})).toBe(error)
  })
})
