import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Decoder } from '../src/decoder.ts'
import { decoderFiles, loadDecoder } from '../src/decoders.ts'
import { fuzz } from '../src/fuzz.ts'

const root = join(import.meta.dirname, '../../..')

const decoder = (check: (input: number) => Promise<void> | void): Decoder => ({
  inputs: fc.nat(1_000),
  check: (input) => check(input as number),
})

describe('fuzz', () => {
  test('checks as many inputs as it is told to, the same for the same seed', async () => {
    const runOf = async (seed: number) => {
      const seen: number[] = []
      const result = await fuzz(
        decoder((input) => void seen.push(input)),
        { runs: 700, seed },
      )
      expect(result).toMatchObject({ runs: 700 })
      expect(result.failure).toBeUndefined()
      return seen
    }
    const [one, same, other] = [await runOf(1), await runOf(1), await runOf(2)]
    expect(one).toEqual(same)
    expect(one).not.toEqual(other)
  })

  test.each([
    ['throws', (input: number) => void (input >= 500 && expect.unreachable('too large'))],
    ['rejects', async (input: number) => void (input >= 500 && expect.unreachable('too large'))],
  ])('names the smallest input for which the check %s, and the seed', async (_, check) => {
    const { failure } = await fuzz(decoder(check), { runs: 1_000, seed: 7 })
    expect(failure).toMatch(/seed: 7/)
    expect(failure).toMatch(/Counterexample: \[500\]/)
  })

  test('stops when it is told to', async () => {
    const stop = new AbortController()
    let checked = 0
    const stopping = decoder(() => void (++checked === 10 && stop.abort()))
    await fuzz(stopping, { runs: 1_000, seed: 1, signal: stop.signal })
    expect(checked).toBe(10)
  })
})

describe('the watchdog', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fuzz-'))
    mkdirSync(join(folder, 'libs/one/test'), { recursive: true })
    writeFileSync(join(folder, 'libs/one/test/none.decoder.ts'), 'export const inputs = 1\n')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('ends a process of which an input hangs, and says which decoder it was', { timeout: 60_000 }, async () => {
    const module = JSON.stringify(join(import.meta.dirname, '../src/watchdog.ts'))
    const hang = `import { watchdog } from ${module}; watchdog('kafka-record hangs', 500).alive(); for (;;);`
    const script = join(folder, 'hang.mjs')
    writeFileSync(script, hang)
    const run = promisify(execFile)(process.execPath, [script], { timeout: 50_000 })
    await expect(run).rejects.toMatchObject({ signal: 'SIGKILL', stderr: expect.stringMatching(/kafka-record hangs/) })
  })

  test('a file that exports no decoder is an error that names it', async () => {
    const [file = ''] = decoderFiles(folder).values()
    await expect(loadDecoder(file)).rejects.toThrow(/none\.decoder\.ts does not export inputs and check/)
  })
})

describe('all decoders', () => {
  test.each([...decoderFiles(root)])('%s keeps its promise for a few inputs', { timeout: 120_000 }, async (_, file) => {
    const { failure } = await fuzz(await loadDecoder(file), { runs: 200, seed: Date.now() % 2 ** 31 })
    expect(failure ?? 'none').toBe('none')
  })

  test('those that every driver and every input of an app has are there', () => {
    const names = [...decoderFiles(root).keys()]
    const wanted = ['amqp-message', 'cloud-events-json', 'dead-letter-envelope', 'kafka-record', 'nats-headers']
    /** Those of services, which may have been removed. */
    const services = { statsd: 'alert-monitor', geojson: 'search-service', 'spool-segment': 'log-shipper' }
    const ofServices = Object.entries(services).filter(([, app]) => existsSync(join(root, 'apps', app)))
    expect(names).toEqual(
      expect.arrayContaining([...wanted, 'redis-fields', 'redis-payload', ...ofServices.map(([name]) => name)]),
    )
  })
})
