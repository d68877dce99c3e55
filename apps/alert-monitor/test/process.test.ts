import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { startProgram, type Program } from '@armature/servers/program'
import { rulesFile, sendPackets, stallRules } from './world.ts'

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
  test('says what it waits for, hears a stall, answers health and ends with 0 when told to', async () => {
    const program = start('--rules', await rulesFile(stallRules))
    const [, port] = await program.until(/waits for StatsD lines at udp 127\.0\.0\.1:(\d+) .*MESSAGING_URL/)
    const [, admin] = await program.until(/admin +(http:\S+)/)
    expect((await fetch(`${admin}/readyz`)).status).toBe(200)
    const lines = Array.from({ length: 100 }, () => 'search:3|ms').join('\n')
    await sendPackets(Number(port), [lines, 'search:2003|ms'])
    await program.until(/"alert":"search-stall","status":"firing"/)
    await vi.waitFor(
      async () =>
        expect(await (await fetch(`${admin}/metrics`)).text()).toMatch(
          /ledger_acked_total\{stage="alert-monitor"\} 101/,
        ),
      { timeout: 10_000 },
    )
    program.signal('SIGTERM')
    expect(await program.ended()).toEqual({ code: 0, signal: null })
  })

  test('SIGHUP reads the rules again: good ones are taken, bad ones refused, and it goes on', async () => {
    const file = await rulesFile(stallRules)
    const program = start('--rules', file, '--rules-poll-ms=3600000')
    await program.until(/waits for StatsD lines/)
    await writeFile(file, JSON.stringify({ rules: [] }))
    program.signal('SIGHUP')
    await program.until(/"rules":0.*the rules have changed/)
    await writeFile(file, JSON.stringify({ rules: [{ type: 'rate' }] }))
    program.signal('SIGHUP')
    await program.until(/rules\[0\]\.name is missing.*those before go on/)
    program.signal('SIGTERM')
    expect(await program.ended()).toEqual({ code: 0, signal: null })
  })

  test('without a file there is nothing to read again: SIGHUP ends it', async () => {
    const program = start()
    await program.until(/waits for StatsD lines/)
    program.signal('SIGHUP')
    expect(await program.ended()).toEqual({ code: 0, signal: null })
  })

  test.each([
    [['send', '--on=x', 'hello'], 64, /memory:.*one process only.*MESSAGING_URL/],
    [['listen', '--on=x'], 64, /memory:.*one process only.*MESSAGING_URL/],
    [['send', '--on=x'], 64, /MESSAGE/],
    [['send', '--on=x', '--count=0', 'hello'], 64, /--count/],
    [['--statsd-listen-port=99999', '--max-series=0'], 64, /statsdListenPort.*maxSeries/s],
  ])('%j ends with %d and says why', async (args, code, why) => {
    const program = start(...args)
    expect(await program.ended()).toEqual({ code, signal: null })
    expect(program.output()).toMatch(why)
  })

  test('a wrong rules file ends with 78 and every fault', async () => {
    const program = start('--rules', await rulesFile([{ name: 'a b', type: 'absence', metric: 'x', forMs: 1 }]))
    expect(await program.ended()).toEqual({ code: 78, signal: null })
    expect(program.output()).toMatch(/rules\[0\]\.name.*rules\[0\]\.forMs/s)
  })

  test('a port that is taken ends with 69 and says what to do', async () => {
    const [, port] = await start().until(/waits for StatsD lines at udp 127\.0\.0\.1:(\d+)/)
    const program = start(`--statsd-listen-port=${port}`)
    expect(await program.ended()).toEqual({ code: 69, signal: null })
    expect(program.output()).toMatch(new RegExp(`${port}.*taken.*--statsd-listen-port`))
  })
})
