import { systemClock } from '@armature/async/clock'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { bodyText, type Message } from '@armature/messaging/message'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { expect, onTestFinished, test } from 'vitest'
import { startChild } from '../src/child.ts'
import { type Config, settings } from '../src/config.ts'
import { exitLine } from '../src/exit-record.ts'
import { logShipper } from '../src/service.ts'
import { simulatedDisk } from './simulated-disk.ts'

/** Ships the output of a script of the shell. Answers the exit code of the shipper and the messages. */
const shipped = async (script: string, config: Partial<Config> = {}, exitRecord = true) => {
  const clock = systemClock()
  const broker = memoryBroker({ clock })
  const messages: Message[] = []
  await broker.connect().subscribe('logs.test', async (message) => void messages.push(message), { from: 'earliest' })
  const shipper = logShipper(settings.parse({ topic: 'logs.test', source: 'here', ...config }), {
    telemetry: testTelemetry('log-shipper'),
    clock,
    openMessaging: async () => broker.connect(),
    openSpoolFolder: async () => ({ disk: simulatedDisk(), close: async () => undefined }),
    openInput: () =>
      startChild({ command: 'sh', args: ['-c', script], clock, graceMs: 1_000, exitRecord, warn: () => undefined }),
  })
  onTestFinished(() => shipper.close().catch(() => undefined))
  await shipper.start()
  const code = await shipper.ended
  return { code, messages }
}

const recordIn = (messages: readonly Message[]) => {
  const record = messages.find(({ headers }) => headers['record-kind'] === 'exit')
  return JSON.parse(bodyText(record!)) as Record<string, unknown>
}

test('the last line tells how the child ended, and a header that it does', async () => {
  const { code, messages } = await shipped('echo one; for i in $(seq 1 30); do echo "bad $i" >&2; done; exit 3')
  expect(code).toBe(3)
  await expect.poll(() => messages).toHaveLength(2)
  expect(messages.map(({ headers }) => headers['record-kind'])).toEqual([undefined, 'exit'])
  expect(messages[1]).toMatchObject({ key: 'here', headers: { source: 'here', 'content-type': 'application/json' } })
  const stderr = Array.from({ length: 20 }, (_, index) => `bad ${index + 11}`)
  expect(recordIn(messages)).toMatchObject({ type: 'exit', command: 'sh', code: 3, signal: null, stderr })
  expect(recordIn(messages)['runtimeMs']).toBeGreaterThanOrEqual(0)
})

test('a signal that ended it is told', async () => {
  const { code, messages } = await shipped('kill -KILL $$')
  expect(code).toBe(137)
  await expect.poll(() => messages).toHaveLength(1)
  expect(recordIn(messages)).toMatchObject({ code: null, signal: 'SIGKILL', stderr: [] })
})

test('is not split at the delimiter of keys, and has no secrets', async () => {
  const script = `echo 'k:body'; echo '{"password":"hunter2"}' >&2`
  const { messages } = await shipped(script, { keyDelimiter: ':', redactKeys: ['password'] })
  await expect.poll(() => messages).toHaveLength(2)
  expect(recordIn(messages)['stderr']).toEqual(['{"password":"[redacted]"}'])
})

test('a child of the child that holds its standard error does not hold the end up', async () => {
  const { code, messages } = await shipped('sleep 60 >/dev/null & echo $! ; echo bad >&2; exit 4')
  expect(code).toBe(4)
  await expect.poll(() => messages).toHaveLength(2)
  process.kill(Number(bodyText(messages[0]!)))
  expect(recordIn(messages)).toMatchObject({ code: 4, stderr: ['bad'] })
})

test('without the flag there is none', async () => {
  const { messages } = await shipped('echo one', {}, false)
  await expect.poll(() => messages.map(bodyText)).toEqual(['one'])
})

test('is no longer than maxLineBytes: the oldest lines of standard error are left out', () => {
  const exit = { command: 'a', code: 1, signal: null, runtimeMs: 5, stderr: ['first'.repeat(20), 'last'] }
  const { count, data, ends, flaws } = exitLine(exit, { maxLineBytes: 120, key: 'k', timeMs: 1 })
  expect([count, flaws.size]).toEqual([1, 0])
  expect(JSON.parse(data.toString('utf8', 0, ends[0]))).toMatchObject({ code: 1, stderr: ['last'] })
})
