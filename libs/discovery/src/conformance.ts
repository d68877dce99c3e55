import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatHostPort } from '@armature/async/host-port'
import type { ColdChanges } from '@armature/config/live-config'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createConsulClient } from './consul-client.ts'

/** A process under test, as `startProgram` of tools/servers gives it. */
export interface Started {
  /** All that it wrote so far. */
  output(): string
  /** The first match in the output; rejects when the program ends or the deadline passes before. */
  until(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>
  signal(name: NodeJS.Signals): void
  ended(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  kill(): Promise<void>
}

export interface ConsulConformanceOptions {
  /** The service's name, as in Consul. */
  readonly name: string
  /** The address of an agent, which others may share. */
  readonly consulUrl: () => Promise<string>
  /** The longest time that this may take. */
  readonly consulDeadlineMs: number
  /** Starts the service's main.ts with these variables. It runs until it is stopped. */
  readonly start: (env: Readonly<Record<string, string>>) => Started
  /** The option of `run`. Default `restart`. */
  readonly coldChanges?: ColdChanges
}

/**
 * The promises of every service that is run with `kv: consulKv` and `registerAdmin`. Call it in a test file of the service. Only one test
 * at a time may have a service of this name at the agent.
 */
export const consulConformance = (options: ConsulConformanceOptions): void => {
  const { name, consulUrl, consulDeadlineMs, coldChanges = 'restart' } = options

  describe(`${name} with Consul`, () => {
    let url: string
    let state: string
    beforeAll(async () => {
      state = mkdtempSync(join(tmpdir(), `${name}-consul-`))
      url = await consulUrl()
    }, consulDeadlineMs)
    afterAll(() => rmSync(state, { recursive: true }))

    const start = (env: Readonly<Record<string, string>> = {}): Started => {
      const program = options.start({ STATSD_PORT: '0', XDG_STATE_HOME: state, ...env })
      onTestFinished(() => program.kill())
      return program
    }

    test('it is there while its admin server says that it is ready, and follows its settings in KV', async () => {
      const consul = createConsulClient({ consulHttpAddr: url })
      const kv = `${url}/v1/kv/config/${name}`
      onTestFinished(async () => {
        consul.close()
        await fetch(`${kv}?recurse`, { method: 'DELETE' })
      })
      const put = async (key: string, body: string): Promise<void> => {
        expect((await fetch(`${kv}/${key}`, { method: 'PUT', body })).status).toBe(200)
      }
      const found = async () =>
        (await consul.instances(name)).value.map(({ host, port }) => `http://${formatHostPort(host, port)}`)
      const isFound = (admin: string): Promise<void> =>
        vi.waitFor(async () => expect(await found()).toEqual([admin]), { timeout: 20_000 })

      const program = start({
        CONSUL_HTTP_ADDR: url,
        CONSUL_CHECK_INTERVAL_MS: '300',
        CONFIG_KV_SPLAY_MS: '100',
      })
      const [, admin = ''] = await program.until(/admin (http:\S+)/, 60_000)
      await isFound(admin)

      await put('logLevel', 'debug')
      await program.until(/settings changed in KV: applied/)
      await put('drainDeadlineMs', 'soon')
      await program.until(/rejected in KV: drainDeadlineMs/)
      await put('drainDeadlineMs', '9000')
      if (coldChanges === 'restart') {
        const [, again = ''] = await program.until(/starts again[^]*admin (http:\S+)/, 60_000)
        await isFound(again)
      } else {
        await program.until(/"keys":\["drainDeadlineMs"\].*takes effect at the next start/)
        expect(await found()).toEqual([admin])
        expect(program.output()).not.toMatch(/starts again|draining/)
      }

      program.signal('SIGTERM')
      expect(await program.ended()).toEqual({ code: 0, signal: null })
      expect(await found()).toEqual([])
      expect(program.output()).not.toContain('still active')
    }, 180_000)

    test('it says nothing of Consul where no agent is named', async () => {
      const program = start()
      await program.until(/admin http/, 60_000)
      program.signal('SIGTERM')
      expect(await program.ended()).toEqual({ code: 0, signal: null })
      expect(program.output()).not.toMatch(/consul|\bKV\b/i)
    }, 90_000)
  })
}
