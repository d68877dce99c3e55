import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { startProgram, type Program } from '@armature/servers/program'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const programs: Program[] = []

const start = (...args: string[]): Program => {
  const { PATH, HOME } = process.env
  const program = startProgram(process.execPath, [main, ...args], { env: { PATH, HOME, STATSD_PORT: '0' } })
  programs.push(program)
  return program
}

afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
})

describe('the process', { timeout: 60_000 }, () => {
  test('says what it waits for, answers health and ends with 0 when told to', async () => {
    const program = start()
    await program.until(/waits for messages on alerts\.> .*MESSAGING_URL/)
    const [, admin] = await program.until(/admin +(http:\S+)/)
    expect((await fetch(`${admin}/readyz`)).status).toBe(200)
    program.signal('SIGTERM')
    expect(await program.ended()).toEqual({ code: 0, signal: null })
  })

  test.each([
    [['list'], /^HANDLER +TOPIC +GROUP +OPTIONS\nlog-alert +alerts\.> +reactor\.log-alert +schema, serial by key\n$/],
    [
      ['list', '--webhook-url=http://user:canary@127.0.0.1:9/canary', '--webhook-topic=logs.>', '--group=blue'],
      /forward-to-webhook +logs\.> +blue\.forward-to-webhook/,
    ],
  ])('%j shows the handlers', async (args, shown) => {
    const program = start(...args)
    expect(await program.ended()).toEqual({ code: 0, signal: null })
    expect(program.output()).toMatch(shown)
    expect(program.output()).not.toContain('canary')
  })

  test.each([
    [['--webhook-url=ftp://x', '--max-in-flight=0'], /webhookUrl.*maxInFlight|maxInFlight.*webhookUrl/s],
    [['--webhook-topic=a..b'], /a\.\.b/],
  ])('%j is a fault of use', async (args, why) => {
    const program = start(...args)
    expect(await program.ended()).toEqual({ code: 64, signal: null })
    expect(program.output()).toMatch(why)
  })

  test.each([
    [['dlq', 'ls', '--help'], 0, /^Usage: reactor dlq ls \[flags\]\n\nList the topics of dead letters/],
    [['tap', '--help'], 0, /^Usage: reactor tap \[flags\]\n/],
    [['dlq', 'ls'], 64, /^reactor dlq ls: the messaging URL is memory:.*Set MESSAGING_URL or --url/],
    [['dlq', 'rm'], 64, /the commands are dlq ls, dlq show|did you mean dlq/],
    [['publish', '-t', 'a', '-m', 'b', '--url=nowhere:'], 78, /^reactor publish: no messaging driver for nowhere/],
    [['dlq', 'show', 'x', '--url=redis-streams://127.0.0.1:1?connectWaitMs=500'], 69, /^reactor dlq show: Redis at /],
  ])('%j is a command over a broker', async (args, code, said) => {
    const program = start(...args)
    expect(await program.ended(), program.output()).toEqual({ code, signal: null })
    expect(program.output()).toMatch(said)
  })
})
