import { fileURLToPath } from 'node:url'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { type Program, startProgram } from '@armature/servers/program'
import { openDriver } from '@armature/messaging-drivers/open'
import { message } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const programs: Program[] = []

afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
})

const start = (command: string, args: readonly string[]): Program => {
  const { PATH, HOME } = process.env
  const program = startProgram(command, args, { env: { PATH, HOME } })
  programs.push(program)
  return program
}

const tail = (url: string, ...args: readonly string[]): Program =>
  start(process.execPath, [main, 'tail', `--messaging-url=${url}`, ...args])

const connect = async (url: string): Promise<Driver> => {
  const driver = await openDriver(url, { source: '/test', warn: () => undefined })
  onTestFinished(() => driver.close())
  return driver
}

const publish = (driver: Driver, topic: string, level: string, msg: string, time = new Date()) =>
  driver.publish(topic, [
    message(topic, JSON.stringify({ level, service: topic.split('.').at(-1), msg }), { key: 'k', time }),
  ])

const kinds = [
  { name: 'kafka', urlOf: (url: string) => url },
  { name: 'nats', urlOf: (url: string) => url.replace('nats:', 'jetstream:') },
] as const

describe.each(kinds)('on $name', { timeout: serverDeadlineMs }, ({ name, urlOf }) => {
  test.skipIf(skipped(name))(
    'follows all topics, from a time on, in order of time; Ctrl-C ends it with 0',
    async () => {
      const url = urlOf(await serverUrl(name))
      const driver = await connect(url)
      const fleet = `logs.${uniqueName('fleet')}`
      const now = Date.now()
      await publish(driver, `${fleet}.till`, 'error', 'too old', new Date(now - 3_600_000))
      await publish(driver, `${fleet}.till`, 'error', 'second', new Date(now - 2_000))
      await publish(driver, `${fleet}.shop`, 'warn', 'first', new Date(now - 3_000))
      await publish(driver, `${fleet}.shop`, 'info', 'left out', new Date(now - 2_500))
      const program = tail(url, '-t', `${fleet}.>`, '--since=10m', '--where', 'level>=warn', '--window-ms=3000')
      await program.until(/ERROR second\n/)
      expect(program.output()).toMatch(/ shop WARN first\n[^\n]* till ERROR second\n/)
      await publish(driver, `${fleet}.new`, 'fatal', 'of a new topic')
      await program.until(/ new FATAL of a new topic\n/)
      expect(program.output()).not.toMatch(/too old|left out/)
      expect(program.output()).not.toContain('\u001b')
      program.signalGroup('SIGINT')
      expect(await program.ended()).toEqual({ code: 0, signal: null })
    },
  )

  test.skipIf(skipped(name))('replays from an offset or the earliest, as JSON, and ends at its time', async () => {
    const url = urlOf(await serverUrl(name))
    const driver = await connect(url)
    const topic = `logs.${uniqueName('fleet')}`
    for (const each of ['zero', 'one', 'two']) await publish(driver, topic, 'info', each)
    const until = new Date().toISOString()
    const messages = async (from: string) => {
      const program = tail(url, '-t', topic, '--from', from, '--until', until, '--format', 'json')
      expect(await program.ended()).toEqual({ code: 0, signal: null })
      const lines = program
        .output()
        .split('\n')
        .filter((line) => line.startsWith('{'))
      return lines.map((line) => (JSON.parse(line) as { line: { msg: string } }).line.msg)
    }
    expect(await messages('earliest')).toEqual(['zero', 'one', 'two'])
    expect(await messages('latest')).toEqual([])
    if (name === 'kafka') expect(await messages('offset:1')).toEqual(['one', 'two'])
  })

  test.skipIf(skipped(name))('a reader that goes away ends it quietly', async () => {
    const url = urlOf(await serverUrl(name))
    const driver = await connect(url)
    const topic = `logs.${uniqueName('fleet')}`
    await publish(driver, topic, 'info', 'one')
    const words = [process.execPath, main, 'tail', `--messaging-url=${url}`, '-t', topic, '--from=earliest']
    const quoted = words.map((word) => `'${word}'`).join(' ')
    const program = start('bash', ['-c', `${quoted} | head -n 1; echo codes \${PIPESTATUS[@]}`])
    await program.until(/INFO one\n/)
    // It finds out as it writes.
    const writing = setInterval(() => void publish(driver, topic, 'info', 'more').catch(() => undefined), 100)
    onTestFinished(() => clearInterval(writing))
    await program.until(/codes 0 0\n/)
    expect(program.output()).not.toMatch(/EPIPE/)
  })
})

describe.skipIf(skipped('redis'))('on channels of Redis', { timeout: serverDeadlineMs }, () => {
  test.each([['--since=10m'], ['--from=earliest']])('%s is refused, since nothing is kept', async (flag) => {
    const program = tail(await serverUrl('redis'), flag)
    expect(await program.ended()).toEqual({ code: 64, signal: null })
    expect(program.output()).toMatch(/a redis: broker keeps nothing of what is past.*Leave --(since|from) out/s)
  })
})

test.each([
  [[], 64, /memory:.*MESSAGING_URL or -b HOST/],
  [['--since=yesterday'], 64, /since.*a duration such as 10m or an ISO 8601 time/],
  [['--where=level>=loud'], 64, /where.*names no level/],
  [['--from=offset:x'], 64, /from.*earliest, latest or offset:N/],
  [['--since=1m', '--from=earliest'], 64, /from.*together with since/],
  [['-t', 'logs.>.x'], 64, /topic/],
])('tail %j ends with %d and says why', async (args, code, why) => {
  const program = start(process.execPath, [main, 'tail', ...args])
  expect(await program.ended()).toEqual({ code, signal: null })
  expect(program.output()).toMatch(why)
})
