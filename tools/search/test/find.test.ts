import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '@armature/database/database'
import type { Store } from '@armature/search-service/store'
import { startProgram } from '@armature/servers/program'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { areas, openAreas, type Running, startSearch } from './service.ts'

const main = join(import.meta.dirname, '../src/main.ts')
const env = { PATH: process.env['PATH'], STATSD_PORT: '0' }

interface Ended {
  readonly code: number | string | undefined
  readonly stdout: string
  readonly stderr: string
}

const cli = (...args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { env, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? undefined), stdout, stderr }),
    )
  })

describe('find', { timeout: 120_000 }, () => {
  let database: Database
  let running: Running
  let ask: (...args: readonly string[]) => Promise<Ended>
  beforeAll(async () => {
    database = await openAreas()
    running = await startSearch({ database })
    ask = (...args) => cli('find', '--address', running.service.address, ...args)
  }, 120_000)
  afterAll(async () => {
    await running.close()
    await database.close()
  }, 30_000)

  test('prints a line a result on stdout, and nothing else', async () => {
    expect(await ask('--lat', '5', '--lng=12')).toEqual({ code: 0, stdout: 'XC\tArea c\n', stderr: '' })
    expect(await ask('--query', 'area', '--count', '2')).toMatchObject({ stdout: 'XA\tArea a\nXB\tArea b\n' })
    expect(await ask('--query', 'nowhere')).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test('prints JSON lines', async () => {
    const { stdout } = await ask('--query', 'area b', '--format', 'json', '--geometry')
    expect(JSON.parse(stdout)).toMatchObject({ id: '2', name: 'Area b', code: 'XB', geometry: expect.any(String) })
  })

  test('--monitor tells how many things there are', async () => {
    expect(await ask('--monitor')).toMatchObject({ code: 0, stdout: `${areas.length}\n` })
    expect(await ask('--monitor', '--format=json')).toMatchObject({ stdout: `{"nThings":${areas.length}}\n` })
  })

  test('--watch prints the answer when it changes, tells once that the server is away, and ends with 0', async () => {
    const own = await startSearch({ database })
    const port = Number(own.service.address.split(':')[1])
    const args = ['find', '--address', own.service.address, '--query', 'area z', '--watch', '--interval-ms', '20']
    const program = startProgram(process.execPath, [main, ...args], { env })
    let again: Running | undefined
    try {
      await program.until(/XZ\tArea z/, 60_000)
      await own.close()
      await program.until(/UNAVAILABLE.*asking again/, 60_000)
      const wrap = (store: Store): Store => ({ ...store, search: async () => ({ things: [], more: false }) })
      again = await startSearch({ database, config: { grpcPort: port }, wrap })
      await program.until(/\(no result\)/, 60_000)
      program.signal('SIGINT')
      expect(await program.ended()).toEqual({ code: 0, signal: null })
      expect(program.output().match(/Area z/g)).toHaveLength(1)
    } finally {
      await program.kill()
      await again?.close()
    }
  })

  test('takes any target: a list of servers, of which one is away', async () => {
    const port = await freePort()
    const address = `static:///127.0.0.1:${port},${running.service.address}`
    expect(await cli('find', '--address', address, '--monitor')).toMatchObject({ code: 0, stdout: '26\n' })
    const wrong = await cli('find', '--address', 'ftp://127.0.0.1:1', '--monitor')
    expect(wrong).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining('consul:///SERVICE') })
    const noAgent = await cli('find', '--address', 'consul:///search-service', '--monitor')
    expect(noAgent).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining('CONSUL_HTTP_ADDR') })
  })

  test('asks a server on a socket in the file system', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'find-test-'))
    const path = join(folder, 'search.sock')
    const own = await startSearch({ database, config: { grpcHost: `unix:${path}` } })
    try {
      const found = await cli('find', '--address', `unix:${path}`, '--lat', '5', '--lng', '7')
      expect(found).toMatchObject({ code: 0, stdout: expect.stringContaining('Area b') })
    } finally {
      await own.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test.each([
    { args: ['--lat', '1'], says: 'a point needs both coordinates' },
    { args: [], says: 'nothing is asked' },
    { args: ['--monitor', '--query', 'a'], says: '--monitor goes with no search' },
    { args: ['--lat', 'north', '--lng', '91'], says: 'lat' },
    { args: ['--lat=-91', '--lng', '0'], says: 'lat' },
    { args: ['--query', 'a', '--format', 'xml'], says: 'format' },
  ])('$args is a usage error', async ({ args, says }) => {
    const { code, stdout, stderr } = await ask(...args)
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' })
    expect(stderr).toContain(says)
  })

  test('without an address says which flag and variable name it', async () => {
    const { code, stderr } = await cli('find', '--query', 'a')
    expect(code).toBe(64)
    expect(stderr).toMatch(/--address[^]*SEARCH_ADDRESS/)
  })

  test('a server that cannot be reached is exit code 69', async () => {
    const port = await freePort()
    const { code, stdout, stderr } = await cli('find', '--address', `127.0.0.1:${port}`, '--monitor')
    expect({ code, stdout }).toEqual({ code: 69, stdout: '' })
    expect(stderr).toContain(`127.0.0.1:${port}`)
  })
})

const freePort = async (): Promise<number> => {
  const { promise, resolve } = Promise.withResolvers<number>()
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address() as { port: number }
    server.close(() => resolve(port))
  })
  return promise
}
