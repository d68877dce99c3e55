import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { consulConformance } from '@armature/discovery/conformance'
import { startConsul } from '@armature/servers/consul'
import { serverDeadlineMs, serverUrl, skipped } from '@armature/servers/fixture'
import { startProgram } from '@armature/servers/program'
import { describe, expect, onTestFinished, test } from 'vitest'
import { numbered } from './world.ts'

const programOf = (name: string) => join(import.meta.dirname, name)
const textOf = (lines: readonly string[]) => `${lines.join('\n')}\n`

describe.skipIf(skipped('consul'))('Consul', () => {
  consulConformance({
    name: 'log-shipper',
    consulUrl: () => serverUrl('consul'),
    consulDeadlineMs: serverDeadlineMs,
    start: (env) => startProgram(process.execPath, [programOf('../src/main.ts'), '--hold'], { env }),
    coldChanges: 'next start',
  })

  test(
    'a change in KV costs no line, and the next start has it, also where Consul is away',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'shipper-consul-'))
      onTestFinished(() => rmSync(folder, { recursive: true }))
      const consul = await startConsul()
      onTestFinished(() => consul.stop())
      const put = (key: string, body: string) =>
        fetch(`${consul.url}/v1/kv/config/log-shipper/${key}`, { method: 'PUT', body })
      const pathOf = (file: string) => join(folder, file)
      const env = {
        CONSUL_HTTP_ADDR: consul.url,
        CONFIG_KV_START_MS: '1000',
        STATSD_PORT: '0',
        XDG_STATE_HOME: folder,
        MESSAGING_URL: `file:${pathOf('published')}`,
        STDOUT: pathOf('stdout'),
      }
      /** Its standard output goes to a file, so that its output here is standard error. */
      const start = (...args: readonly string[]) => {
        const words = ['-c', 'exec "$@" >"$STDOUT"', 'sh', process.execPath, programOf('./publishing-program.ts')]
        const program = startProgram('/bin/sh', [...words, ...args], { env })
        onTestFinished(() => program.kill())
        return program
      }

      const published = () => {
        const lines = readFileSync(pathOf('published'), 'utf8').trimEnd().split('\n')
        return lines.map((line) => line.slice(line.indexOf(' ') + 1))
      }

      const first = start()
      await first.until(/they go to logs\.default at/, 60_000)
      first.write(textOf(numbered(1, 1_000)))
      await put('topic', 'logs.other')
      await first.until(/"keys":\["topic"\].*takes effect at the next start/)
      first.write(textOf(numbered(1_001, 2_000)))
      await put('logLevel', 'debug')
      await first.until(/"keys":\["logLevel"\].*applied/)
      first.write(textOf(numbered(2_001, 3_000)))
      await put('batchCount', 'many')
      await first.until(/rejected in KV: batchCount/)
      first.write(textOf(numbered(3_001, 4_000)))
      first.closeInput()
      expect(await first.ended()).toEqual({ code: 0, signal: null })
      expect(published()).toEqual(numbered(1, 4_000))
      expect(readFileSync(env.STDOUT, 'utf8')).toBe(textOf(numbered(1, 4_000)))

      const second = start('--', process.execPath, '-e', 'console.log("of a child")')
      await second.until(/they go to logs\.other at/, 60_000)
      expect(await second.ended()).toEqual({ code: 0, signal: null })
      expect(published()).toEqual([...numbered(1, 4_000), 'of a child'])

      await consul.crash()
      const third = start()
      await third.until(/they go to logs\.other at/, 60_000)
      expect(third.output()).toContain('started with its last good values')
      third.closeInput()
      expect(await third.ended()).toEqual({ code: 0, signal: null })
    },
    serverDeadlineMs,
  )
})
