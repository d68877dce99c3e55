import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { kcat } from '@armature/servers/kcat'
import { type Program, startProgram } from '@armature/servers/program'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { numbered } from './world.ts'

let folder: string
const programs: Program[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shipper-files-'))
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

/** A record as kcat writes it. */
interface KafkaRecord {
  readonly key: string
  readonly payload: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
}

const headersOf = ({ headers }: KafkaRecord): Readonly<Record<string, string>> =>
  Object.fromEntries(headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1] ?? '']] : [])))

describe.skipIf(skipped('kafka'))('Kafka', () => {
  test(
    'files are in the topic, each line once, those of a file in order under its key, with its headers',
    async () => {
      const url = await serverUrl('kafka')
      const topic = `logs.${uniqueName('files')}`
      const container = join(folder, `web-1_shop_nginx-${'a'.repeat(64)}.log`)
      const criLine = (line: string, index: number) =>
        `2026-01-02T03:04:05.000000000Z ${index % 2 === 0 ? 'stdout' : 'stderr'} F ${line}`
      for (const name of ['a', 'b']) {
        await writeFile(join(folder, `${name}.log`), `${numbered(1, 1_500).join('\n')}\n`)
      }
      await writeFile(container, `${numbered(1, 1_500).map(criLine).join('\n')}\n`)
      const env = { ...process.env, MESSAGING_URL: url, STATSD_PORT: '0', XDG_STATE_HOME: join(folder, 'state') }
      const main = join(import.meta.dirname, '../src/main.ts')
      const args = [main, '--no-follow', '-t', topic, '--file', join(folder, '*.log')]
      const shipper = start(process.execPath, args, env)
      expect(await shipper.ended(60_000)).toEqual({ code: 0, signal: null })

      const reader = start(await kcat(), ['-C', '-b', new URL(url).host, '-t', topic, '-e', '-q', '-J'])
      expect(await reader.ended()).toEqual({ code: 0, signal: null })
      const records = reader
        .output()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as KafkaRecord)
      expect(records).toHaveLength(4_500)
      expect(new Set(records.map((record) => headersOf(record)['ce_id'])).size).toBe(4_500)
      for (const path of [join(folder, 'a.log'), join(folder, 'b.log'), container]) {
        const mine = records.filter(({ key }) => key === path)
        expect(mine.map(({ payload }) => payload)).toEqual(numbered(1, 1_500))
        expect(new Set(mine.map((record) => headersOf(record)['ce_file']))).toEqual(new Set([path]))
      }
      const [first, second] = records.filter(({ key }) => key === container).map(headersOf)
      expect([first, second]).toMatchObject([
        { ce_time: '2026-01-02T03:04:05.000Z', ce_stream: 'stdout' },
        { ce_time: '2026-01-02T03:04:05.000Z', ce_stream: 'stderr' },
      ])
    },
    serverDeadlineMs,
  )
})
