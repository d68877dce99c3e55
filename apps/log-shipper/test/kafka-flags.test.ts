import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startKafka } from '@armature/servers/kafka'
import { kcat } from '@armature/servers/kcat'
import { type Program, startProgram } from '@armature/servers/program'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { numbered } from './world.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const maxOutputBytes = 256 * 1024 * 1024

let folder: string
const programs: Program[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shipper-'))
})
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
  await rm(folder, { recursive: true })
})

const hostsOf = (url: string) => url.replace('kafka://', '')

const ship = (...args: readonly string[]): Program => {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, STATSD_PORT: '0', XDG_STATE_HOME: join(folder, 'state') }
  const program = startProgram(process.execPath, [main, '-q', ...args], { env })
  programs.push(program)
  return program
}

/** All of a topic, as kcat prints it in this format. */
const read = async (hosts: string, topic: string, format: string): Promise<string[]> => {
  const args = ['-C', '-q', '-e', '-o', 'beginning', '-b', hosts, '-t', topic, '-f', `${format}\n`]
  const { stdout } = await promisify(execFile)(await kcat(), args, { maxBuffer: maxOutputBytes })
  return stdout.split('\n').slice(0, -1)
}

/** Waits until a number of the books fits. */
const untilBooked = async (shipper: Program, name: string, fits: (count: number) => boolean) => {
  const [, admin = ''] = await shipper.until(/admin +(http:\S+)/)
  const pattern = new RegExp(`${name}\\{stage="log-shipper"\\} (\\d+)$`, 'm')
  const counted = async () => {
    const metrics = await (await fetch(`${admin}/metrics`)).text()
    return fits(Number(pattern.exec(metrics)?.[1] ?? 0))
  }
  await expect.poll(counted, { timeout: 60_000, interval: 5 }).toBe(true)
}

describe.skipIf(skipped('kafka'))('on Kafka', { timeout: serverDeadlineMs }, () => {
  test('-b, -K, -H, -z and -p give what kcat reads: keys, bodies, headers, partition', async () => {
    const hosts = hostsOf(await serverUrl('kafka'))
    const topic = `logs.${uniqueName('flags')}`
    const flags = ['-b', hosts, '-t', topic, '-z', 'zstd', '-p', '3', '-H', 'team=a,b', '-H', 'env=prod']
    const shipper = ship(...flags, '-K', ':')
    shipper.write('a:one\nb:{"two":"2:2"}\nno delimiter\n:empty key\n')
    shipper.closeInput()
    expect(await shipper.ended()).toEqual({ code: 0, signal: null })
    expect(await read(hosts, topic, '%p|%K|%k|%s')).toEqual([
      '3|1|a|one',
      '3|1|b|{"two":"2:2"}',
      '3|-1||no delimiter',
      '3|0||empty key',
    ])
    const headers = await read(hosts, topic, '%h')
    for (const each of headers) expect(each).toMatch(/team=a,b.*env=prod|env=prod.*team=a,b/)
    expect(headers[1]).toContain('content-type=application/json')
    expect(headers[0]).toContain('content-type=text/plain')
  })

  test('a partition that is not there ends it, and the lines stay', async () => {
    const hosts = hostsOf(await serverUrl('kafka'))
    const topic = `logs.${uniqueName('flags')}`
    const refused = ship('-b', hosts, '-t', topic, '-p', '8')
    refused.write('a line\n')
    const { code } = await refused.ended()
    expect(code).not.toBe(0)
    expect(refused.output()).toMatch(/partition 8 is not there: it has 8/)
    const next = ship('-b', hosts, '-t', topic)
    next.closeInput()
    expect(await next.ended()).toEqual({ code: 0, signal: null })
    expect(await read(hosts, topic, '%s')).toEqual(['a line'])
  })
})

describe.skipIf(skipped('kafka'))('100,000 lines', { timeout: serverDeadlineMs }, () => {
  const count = 100_000

  test('bug: a stop after the input ended, with the broker dead, exited with 74: now 75 and the spool kept; killed as it is published, each line is there at least once, under one id', async () => {
    const kafka = await startKafka()
    onTestFinished(() => kafka.stop())
    const hosts = hostsOf(kafka.url)
    const flags = ['-b', hosts, '-t', 'T', '--batch-count=1000'] as const

    const first = ship(...flags, '--drain-deadline-ms=1000')
    const lines = numbered(1, count)
    first.write(`${lines.slice(0, 1_000).join('\n')}\n`)
    await untilBooked(first, 'ledger_acked_total', (acked) => acked === 1_000)
    await kafka.crash()
    first.write(`${lines.slice(1_000).join('\n')}\n`)
    first.closeInput()
    await untilBooked(first, 'ledger_in_flight', (left) => left === count - 1_000)
    first.signal('SIGTERM')
    expect(await first.ended()).toEqual({ code: 75, signal: null })

    await kafka.restart()
    const second = ship(...flags)
    await untilBooked(second, 'ledger_acked_total', (acked) => acked > 0)
    await second.kill()

    const last = ship(...flags)
    last.closeInput()
    expect(await last.ended(120_000)).toEqual({ code: 0, signal: null })
    expect(last.output()).toContain('lines of an earlier run are shipped first')

    const records = await read(hosts, 'T', '%s|%h')
    const texts = new Set(records.map((record) => record.slice(0, record.indexOf('|'))))
    const ids = new Set(records.map((record) => /ce_id=([^,]+)/.exec(record)?.[1]))
    expect(texts).toEqual(new Set(lines))
    expect(ids.size).toBe(count)
  })
})
