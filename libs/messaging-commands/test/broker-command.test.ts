import { expect, test } from 'vitest'
import { PassThrough } from 'node:stream'
import { MessagingUrlError, PublishError, SubscribeError, TopicError } from '@armature/messaging/errors'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { exitCodeOf } from '@armature/service/faults'
import { withDriver, type Program } from '../src/broker-command.ts'

const url = 'kafka://127.0.0.1:9092'

const opened = () => {
  const calls: string[] = []
  const program: Program = {
    name: 'tool',
    source: '/armature/tool',
    open: (given, { source, warn }) => {
      calls.push(`open ${given} ${source}`)
      warn('slow')
      return Promise.resolve({ ...memoryBroker().connect(), close: async () => void calls.push('close') })
    },
  }
  return { calls, program, stderr: new PassThrough() }
}

test('the connection is opened as the program says, reported on stderr, and closed after the work', async () => {
  const { calls, program, stderr } = opened()
  const code = await withDriver(program, url, { stderr }, async () => {
    calls.push('work')
    return 3
  })
  expect([code, ...calls]).toEqual([3, `open ${url} /armature/tool`, 'work', 'close'])
  expect(String(stderr.read())).toBe('slow\n')
})

test.each([
  ['a URL that no driver takes', 78, new MessagingUrlError('no driver')],
  ['what is no topic', 64, new TopicError('a b', 'has a space')],
  ['a subscription that fails', 69, new SubscribeError('a', 'no')],
  ['a broker that is away', 69, new PublishError('away', { topic: 'a', fault: 'unavailable' })],
  ['a driver that was closed', 69, new PublishError('closed', { topic: 'a', fault: 'closed' })],
  ['a message that the broker never takes', 64, new PublishError('too big', { topic: 'a', fault: 'too-large' })],
  ['what nobody foresaw', 70, new Error('odd')],
])('%s ends with %i, and the connection is closed', async (_, exitCode, error) => {
  const { calls, program, stderr } = opened()
  const failed: unknown = await withDriver(program, url, { stderr }, () => Promise.reject(error)).catch(
    (fault: unknown) => fault,
  )
  expect([exitCodeOf(failed), (failed as Error).message]).toEqual([exitCode, error.message])
  expect(calls.at(-1)).toBe('close')
})

test('the fix of memory: names the flag of the program', async () => {
  const { calls, program, stderr } = opened()
  const run = withDriver({ ...program, urlFlag: '--messaging-url' }, 'memory:', { stderr }, async () => 0)
  await expect(run).rejects.toMatchObject({
    exitCode: 64,
    fix: expect.stringMatching(/MESSAGING_URL or --messaging-url/),
  })
  expect(calls).toEqual([])
})
