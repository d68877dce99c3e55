import { describe, expect, test } from 'vitest'
import { createLogger, silentLogger, type LogLevel } from '../src/logger.ts'
import { collected } from './collected.ts'

const open = (level?: LogLevel) => {
  const output = collected()
  return {
    ...output,
    log: createLogger({ service: 'demo', destination: output.stream, ...(level === undefined ? {} : { level }) }),
  }
}
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

test('a line is JSON with level, time, service, the fields and the message', () => {
  const { log, lines } = open()
  log.info({ port: 8080 }, 'listening')
  log.warn('only a message')
  expect(lines()).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      service: 'demo',
      port: 8080,
      msg: 'listening',
    },
    { level: 'warn', time: expect.any(String) as string, service: 'demo', msg: 'only a message' },
  ])
})

describe('the level', () => {
  test.each(levels.map((level, index) => [level, levels.slice(index)] as const))(
    '%s lets pass %j',
    (level, passing) => {
      const { log, lines } = open(level)
      for (const one of levels) log[one]('x')
      expect(lines().map((line) => line['level'])).toEqual(passing)
    },
  )

  test('silent lets nothing pass', () => {
    const { log, lines } = open('silent')
    for (const one of levels) log[one]('x')
    expect(lines()).toEqual([])
  })

  test('may be changed at any time, for children too that exist already', () => {
    const { log, lines } = open()
    const grandchild = log.child({ a: 1 }).child({ b: 2 })
    grandchild.debug('before')
    log.level = 'debug'
    grandchild.debug('after')
    expect(lines()).toMatchObject([{ a: 1, b: 2, msg: 'after' }])
    expect(grandchild.level).toBe('debug')
  })
})

describe('an error', () => {
  test('under err has type, message, stack and cause', () => {
    const { log, lines } = open()
    log.error({ err: new TypeError('outer', { cause: new Error('inner') }) }, 'failed')
    expect(lines()[0]).toMatchObject({
      err: { type: 'TypeError', message: expect.stringContaining('outer') as string },
      msg: 'failed',
    })
    expect(JSON.stringify(lines()[0]?.['err'])).toContain('inner')
  })
})

test('credentials of URLs are hidden wherever they stand', () => {
  const { log, text } = open()
  const url = 'amqp://user:canary@host/v'
  log.child({ url }).error({ err: new Error(`cannot reach ${url}`), deep: { list: [url] } }, `lost ${url}`)
  expect(text()).not.toContain('canary')
  expect(text()).toContain('amqp://***@host/v')
})

test.each([
  [
    'a cycle',
    () => {
      const it: Record<string, unknown> = {}
      it['it'] = it
      return it
    },
  ],
  ['a big integer', () => ({ size: 10n })],
  ['a line break', () => ({ text: 'a\nb\u2028c' })],
])('%s in the fields is no error, and one line', (_name, fields) => {
  const { log, text } = open()
  log.info(fields(), 'odd')
  expect(text().trim().split('\n')).toHaveLength(1)
  expect(text()).toContain('odd')
})

test('fields that throw when read are no error; the line is discarded and told', () => {
  const output = collected()
  let discarded = 0
  const log = createLogger({ service: 'demo', destination: output.stream, onDiscard: () => discarded++ })
  const fields = {
    get bad() {
      throw new Error('no')
    },
  }
  log.child({ a: 1 }).info(fields, 'odd')
  log.info('next')
  expect(discarded).toBe(1)
  expect(output.lines()).toMatchObject([{ msg: 'next' }])
})

test('flush resolves when the stream has taken everything', async () => {
  const { log, lines } = open()
  for (let line = 0; line < 100; line++) log.info('x')
  await log.flush()
  expect(lines()).toHaveLength(100)
})

test('flush of an ended stream resolves', async () => {
  const { log, stream } = open()
  stream.end()
  await expect(log.flush()).resolves.toBeUndefined()
})

test('the silent logger takes everything', () => {
  const log = silentLogger()
  expect(() => {
    log.child({ a: 1 }).fatal({ err: new Error('x') }, 'x')
  }).not.toThrow()
})
