import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConsulConfig } from '@armature/config/consul'
import { type Program, startProgram } from '@armature/servers/program'
import { type ConsulOptions, startConsul } from '@armature/servers/consul'
import { Client, credentials } from '@grpc/grpc-js'
import { onTestFinished } from 'vitest'
import { createConsulClient } from '../src/consul-client.ts'
import type { ConsulRegistrarOptions } from '../src/consul-registrar.ts'
import { createClientTarget } from '../src/client-target.ts'

/** Consul for the tests of a file, whose data a test may take away. */
export const startWorld = async (options: ConsulOptions = {}) => {
  const data = mkdtempSync(join(tmpdir(), 'consul-data-'))
  const consul = await startConsul({ ...options, settings: { data_dir: data, ...options.settings } })
  return {
    ...consul,
    /** As a machine that was replaced: the same address, nothing known. */
    restartEmpty: async () => {
      await consul.crash()
      rmSync(data, { recursive: true })
      await consul.restart()
    },
    stop: async () => {
      await consul.stop()
      rmSync(data, { recursive: true, force: true })
    },
  }
}

export const agent = (url: string, more: Partial<ConsulConfig> = {}) => ({ ...more, consulHttpAddr: url })

export const openClient = (config: ReturnType<typeof agent>) => {
  const client = createConsulClient(config)
  onTestFinished(() => client.close())
  return client
}

export interface InstanceOptions {
  service: string
  consul: ReturnType<typeof agent>
  check?: ConsulRegistrarOptions['check']
  checkIntervalMs?: number
  tags?: readonly string[]
  tls?: { cert: string; key: string }
}

/** A process that serves and registers itself, on a random port. */
export const startInstance = async (
  options: InstanceOptions,
): Promise<Program & { readonly id: string; readonly port: number }> => {
  const main = join(import.meta.dirname, 'fixture', 'instance.ts')
  const program = startProgram(process.execPath, [main, JSON.stringify({ checkIntervalMs: 500, tags: [], ...options })])
  onTestFinished(() => program.kill())
  const [, id = '', port = ''] = await program.until(/^up (\S+) (\d+)$/m)
  return { ...program, id, port: Number(port) }
}

const asIs = (bytes: Buffer) => bytes

/** Asks whichever instance the target leads to for its id. */
export const openCaller = (target: string, consul?: ReturnType<typeof createConsulClient>) => {
  const opened = createClientTarget(target, { consul })
  const client = new Client(opened.target, credentials.createInsecure(), opened.options)
  onTestFinished(() => client.close())
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      const deadline = Date.now() + 5_000
      client.makeUnaryRequest('/test.Who/Ask', asIs, asIs, Buffer.alloc(0), { deadline }, (error, bytes) =>
        error === null ? resolve(String(bytes)) : reject(error),
      )
    })
  /** How many of so many calls each instance answered. */
  const tally = async (count: number): Promise<Readonly<Record<string, number>>> => {
    const counts: Record<string, number> = {}
    for (let call = 0; call < count; call += 1) {
      const id = await ask()
      counts[id] = (counts[id] ?? 0) + 1
    }
    return counts
  }
  return { ask, tally }
}
