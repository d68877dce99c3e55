import { fileURLToPath } from 'node:url'
import { pythonNats } from '@armature/servers/clients'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startNats } from '@armature/servers/nats'
import { startProgram, type Program } from '@armature/servers/program'
import { afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const { PATH, HOME } = process.env
const programs: Program[] = []
let url: string

const start = (args: readonly string[], env: Readonly<Record<string, string>> = { NATS_URL: url }): Program => {
  const program = startProgram(process.execPath, [main, ...args], { env: { PATH, HOME, ...env } })
  programs.push(program)
  return program
}

const listening = async (args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Program> => {
  const program = start(['listen', ...args], env)
  await program.until(/listening on/)
  return program
}

afterEach(() => Promise.all(programs.splice(0).map((program) => program.kill())))

describe.skipIf(skipped('nats'))('send and listen over a NATS server', { timeout: 90_000 }, () => {
  beforeAll(async () => {
    url = await serverUrl('nats')
  }, serverDeadlineMs)

  test.each<[string, () => Readonly<Record<string, string>>]>([
    ['MESSAGING_URL', () => ({ MESSAGING_URL: url })],
    ['NATS_URL', () => ({ NATS_URL: url })],
    ['NATS_URL without a scheme', () => ({ NATS_URL: new URL(url).host })],
    ['BROKER_HOST and BROKER_PORT', () => ({ BROKER_HOST: new URL(url).hostname, BROKER_PORT: new URL(url).port })],
    [
      '__BROKER_HOST__ and __BROKER_PORT__',
      () => ({ __BROKER_HOST__: new URL(url).hostname, __BROKER_PORT__: new URL(url).port }),
    ],
  ])('send reaches listen --count 1 by %s', async (_way, env) => {
    const on = uniqueName('fire')
    const listener = await listening(['--on', on, '--count', '1'], env())
    expect(await start(['send', `--on=${on}`, 'smoke in row 7'], env()).ended()).toMatchObject({ code: 0 })
    expect(await listener.ended()).toMatchObject({ code: 0 })
    expect(listener.output()).toContain('smoke in row 7')
  })

  test('labels, a severity, conditions and JSON', async () => {
    const on = uniqueName('fire')
    const listener = await listening([
      '--on',
      `${on}.>`,
      '--count',
      '1',
      '--format',
      'json',
      '--where',
      'label-host=a',
      '--where',
      'severitytext=critical',
    ])
    for (const host of ['b', 'a'])
      await start(['send', `--on=${on}.x`, 'hot', '--severity=critical', '--label', `host=${host}`, '--ack']).ended()
    await listener.ended()
    const heard = JSON.parse(/\{"id".*/.exec(listener.output())?.[0] ?? '') as Record<string, unknown>
    expect(heard).toMatchObject({
      topic: `${on}.x`,
      body: 'hot',
      headers: { 'label-host': 'a', severitytext: 'critical' },
    })
  })

  test('a plain NATS client sees what is sent and sends what is heard', async () => {
    const python = await pythonNats()
    const on = uniqueName('plain')
    const script = `
import asyncio, nats
async def main():
    nc = await nats.connect('${url}')
    sub = await nc.subscribe('${on}.out')
    await nc.flush()
    print('ready', flush=True)
    message = await sub.next_msg(timeout=60)
    print('seen', message.data.decode(), message.headers.get('ce-type') is not None, flush=True)
    await nc.publish('${on}.in', b'from python')
    await nc.flush()
    await nc.close()
asyncio.run(main())`
    const plain = startProgram(python, ['-c', script], { env: { PATH, HOME } })
    programs.push(plain)
    await plain.until(/ready/, 60_000)
    const listener = await listening([`--on=${on}.in`, '--count=1'])
    await start(['send', `--on=${on}.out`, 'from us']).ended()
    await plain.until(/seen from us True/)
    expect(await listener.ended()).toMatchObject({ code: 0 })
    expect(listener.output()).toContain('from python')
  })

  test('what JetStream keeps is heard by --since', async () => {
    const on = `${uniqueName('kept')}.x`
    expect(await start(['send', '--ack', `--on=${on}`, 'earlier']).ended()).toMatchObject({ code: 0 })
    const listener = start(['listen', `--on=${on}`, '--since=1h', '--count=1'])
    expect(await listener.ended()).toMatchObject({ code: 0 })
    expect(listener.output()).toContain('earlier')
  })

  test('Ctrl-C ends listen with 0, and it says so', async () => {
    const listener = await listening([])
    listener.signal('SIGINT')
    expect(await listener.ended()).toEqual({ code: 0, signal: null })
    expect(listener.output()).toMatch(/listening on some_event\n.*stopped listening on some_event, messages heard: 0/s)
  })

  test('a lost server is said, and joined again', async () => {
    const server = await startNats()
    onTestFinished(() => server.stop())
    const env = { NATS_URL: server.url }
    const listener = await listening(['--on=x', '--count=1'], env)
    await server.crash()
    await listener.until(/the broker is lost/, 30_000)
    await server.restart()
    await listener.until(/the broker is back/, 30_000)
    await start(['send', '--on=x', 'again'], env).ended()
    expect(await listener.ended(30_000)).toMatchObject({ code: 0 })
    expect(listener.output()).toContain('again')
  })

  test.each([
    [['send', '--on=a b', 'x'], 64, /"a b" holds " "/],
    [['send', '--on=a.*', 'x'], 64, /holds the wildcard \*/],
    [['send', '--on=a.>', 'x'], 64, /holds the wildcard >/],
    [['send', '--label=x', 'x'], 64, /is no label/],
    [['send', '--sleep=soon', 'x'], 64, /--sleep/],
    [['listen', '--where=x'], 64, /is no condition/],
    [['listen', '--since=soon'], 64, /is no time/],
  ])('%j ends with %d and says why', async (args, code, why) => {
    const program = start(args)
    expect(await program.ended()).toEqual({ code, signal: null })
    expect(program.output()).toMatch(why)
  })

  test('a server without JetStream takes no --ack', async () => {
    const server = await startNats({ jetstream: false })
    onTestFinished(() => server.stop())
    const program = start(['send', '--ack', 'x'], { NATS_URL: server.url })
    expect(await program.ended()).toEqual({ code: 69, signal: null })
    expect(program.output()).toMatch(/has no JetStream/)
  })
})
