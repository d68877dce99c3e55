import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
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

  const written = async (name: string, text: string) => {
    const folder = await mkdtemp(join(tmpdir(), 'armature-run-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const file = join(folder, name)
    await writeFile(file, text)
    return file
  }

  test('run FILE runs its handlers, in TypeScript without a build, and list shows them', async () => {
    const file = await written(
      'handlers.ts',
      `type Tools = { on: Function }
      export const handlers = ({ on }: Tools) => [on('orders.eu', { name: 'count', rateLimit: { perSecond: 5 } }, () => {})]`,
    )
    const list = start('list', `--handlers=${file}`)
    expect(await list.ended()).toEqual({ code: 0, signal: null })
    expect(list.output()).toMatch(/^HANDLER +TOPIC +GROUP +OPTIONS\ncount +orders\.eu +reactor\.count +5 a second\n$/)
    const program = start('run', file)
    await program.until(/waits for messages on orders\.eu at memory:/)
    program.signal('SIGTERM')
    expect(await program.ended()).toEqual({ code: 0, signal: null })
  })

  test.each([
    ['handlers.ts', 'enum A { B }\nexport const handlers = []', 78, /handlers\.ts cannot be run \(.*enum/is],
    ['handlers.js', 'export const handlers = [', 78, /handlers\.js cannot be run \(/],
    ['nothing.js', 'export const other = 1', 78, /nothing\.js exports no handlers\. Write: export const handlers/],
  ])('run %s with %j is a fault of the file', async (name, text, code, why) => {
    const program = start('run', await written(name, text))
    expect(await program.ended()).toEqual({ code, signal: null })
    expect(program.output()).toMatch(why)
  })

  test.each([
    [['run'], 64, /FILE is missing.*write reactor run FILE/],
    [['run', '/nowhere/handlers.ts'], 78, /\/nowhere\/handlers\.ts cannot be run/],
    [['replay'], 78, /topic.*from|from.*topic/s],
    [['replay', '-t', 'a', '--from=soon'], 64, /from.*neither a duration nor a time/s],
    [['replay', '-t', 'a', '--from=2h'], 64, /memory:/],
  ])('%j is refused', async (args, code, why) => {
    const program = start(...args)
    expect(await program.ended()).toEqual({ code, signal: null })
    expect(program.output()).toMatch(why)
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
