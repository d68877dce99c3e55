import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pythonPika } from '@armature/servers/clients'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startNats } from '@armature/servers/nats'
import { kcat } from '@armature/servers/kcat'
import { type Program, startProgram } from '@armature/servers/program'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { numbered } from './world.ts'

const fileOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const lines = 5_000

let folder: string
const programs: Program[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shipper-'))
})
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
  await rm(folder, { recursive: true })
})

const start = (command: string, args: readonly string[], env = process.env): Program => {
  const program = startProgram(command, args, { env })
  programs.push(program)
  return program
}

/** The program, fed with lines through its standard input until that ends. */
const ship = async (url: string, topic: string) => {
  const env = { ...process.env, MESSAGING_URL: url, STATSD_PORT: '0', XDG_STATE_HOME: join(folder, 'state') }
  const shipper = start(process.execPath, [fileOf('../src/main.ts'), '-q', '-t', topic], env)
  shipper.write(`${numbered(1, lines).join('\n')}\n`)
  shipper.closeInput()
  expect(await shipper.ended()).toEqual({ code: 0, signal: null })
  expect(shipper.output()).not.toContain('"level":50')
}

/** A record as kcat writes it: names and values of headers in turn. */
const readRecord = (line: string) => JSON.parse(line) as { readonly payload: string; readonly headers: string[] }

/** The AMQP client's output for each message: its id, a space, the body. */
const arrived = (output: string) => {
  const printed = output.split('\n').filter((line) => line.includes(' '))
  return {
    ids: new Set(printed.map((line) => line.slice(0, line.indexOf(' ')))),
    texts: printed.map((line) => line.slice(line.indexOf(' ') + 1)),
  }
}

describe.skipIf(skipped('kafka'))('Kafka', () => {
  test(
    'what comes in by standard input is counted by kcat, each line once and in order',
    async () => {
      const url = await serverUrl('kafka')
      const topic = `logs.${uniqueName('shipped')}`
      await ship(url, topic)
      const reader = start(await kcat(), ['-C', '-b', new URL(url).host, '-t', topic, '-e', '-q', '-J'])
      expect(await reader.ended()).toEqual({ code: 0, signal: null })
      const records = reader.output().trim().split('\n').map(readRecord)
      const ids = new Set(records.map(({ headers }) => headers[headers.indexOf('ce_id') + 1]))
      const texts = records.map(({ payload }) => payload)
      expect(texts).toEqual(numbered(1, lines))
      expect(ids.size).toBe(lines)
    },
    serverDeadlineMs,
  )
})

describe.skipIf(skipped('rabbitmq'))('RabbitMQ', () => {
  test(
    'what comes in by standard input is counted by a plain AMQP client, each line once and in order',
    async () => {
      const url = await serverUrl('rabbitmq')
      const topic = `logs.${uniqueName('shipped')}`
      const script = [fileOf('./amqp-client.py'), url, 'armature', topic, String(lines)]
      const reader = start(await pythonPika(), script)
      await reader.until(/^bound$/m)
      await ship(url, topic)
      expect(await reader.ended()).toEqual({ code: 0, signal: null })
      const { ids, texts } = arrived(reader.output())
      expect(texts).toEqual(numbered(1, lines))
      expect(ids.size).toBe(lines)
    },
    serverDeadlineMs,
  )
})

describe.skipIf(skipped('nats'))('a broker that is away at the start', () => {
  const begin = (url: string) => {
    const env = { ...process.env, MESSAGING_URL: url, STATSD_PORT: '0', XDG_STATE_HOME: join(folder, 'state') }
    return start(process.execPath, [fileOf('../src/main.ts'), '-q', '-t', 'logs.late'], env)
  }

  test(
    'bug: ended it after 30 s with 69; now it reads, a stop leaves the lines in the spool, and they are published later',
    async () => {
      const nats = await startNats()
      onTestFinished(() => nats.stop())
      const url = nats.url.replace('nats:', 'jetstream:')
      await nats.crash()
      const first = begin(url)
      await first.until(/waits for lines/)
      first.write(`${numbered(1, lines).join('\n')}\n`)
      const [, admin = ''] = await first.until(/admin +(http:\S+)/)
      const inFlight = new RegExp(`ledger_in_flight\\{stage="log-shipper"\\} ${lines}$`, 'm')
      await expect.poll(async () => (await fetch(`${admin}/metrics`)).text(), { timeout: 20_000 }).toMatch(inFlight)
      expect((await fetch(`${admin}/readyz`)).status).toBe(503)
      first.signal('SIGTERM')
      expect(await first.ended()).toEqual({ code: 75, signal: null })
      const second = begin(url)
      await second.until(/lines of an earlier run are shipped first/)
      second.closeInput()
      await nats.restart()
      expect(await second.ended(60_000)).toEqual({ code: 0, signal: null })
    },
    serverDeadlineMs,
  )

  test(
    'but not one that refuses the credentials: that ends it with 78 and says so',
    async () => {
      const nats = await startNats({ users: [{ user: 'shipper', password: 'right' }] })
      onTestFinished(() => nats.stop())
      const refused = begin(nats.url.replace('nats://', 'jetstream://shipper:wrong@'))
      refused.write('a line\n')
      expect(await refused.ended()).toEqual({ code: 78, signal: null })
      expect(refused.output()).toMatch(/credentials|user|authoriz/i)
      expect(refused.output()).not.toContain('wrong')
    },
    serverDeadlineMs,
  )
})
