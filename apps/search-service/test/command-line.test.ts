import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSearchClient } from '@armature/search-api/client'
import { type Program, startProgram } from '@armature/servers/program'
import { afterEach, describe, expect, test } from 'vitest'

const main = join(import.meta.dirname, '../src/main.ts')
const env = { PATH: process.env['PATH'], STATSD_PORT: '0' }

describe('the service as a process', { timeout: 120_000 }, () => {
  let program: Program | undefined
  afterEach(() => program?.kill())

  test('says where it listens and what it waits for, answers, drains under load on SIGTERM, and leaves nothing', async () => {
    program = startProgram(process.execPath, [main], { env })
    const [, address = ''] = await program.until(/gRPC\s+(127\.0\.0\.1:\d+)/, 60_000)
    await program.until(/waits for gRPC calls.*DATABASE_URL/)
    const client = createSearchClient(address)
    expect(await client.monitor()).toBe(0)

    const underLoad = Array.from({ length: 200 }, () => client.search({ query: 'a' }))
    program.signal('SIGTERM')
    const outcomes = await Promise.allSettled(underLoad)
    const faults = outcomes.flatMap((one) => (one.status === 'rejected' ? [(one.reason as { code: number }).code] : []))
    // Calls that had not begun when the intake stopped may be sent elsewhere: UNAVAILABLE, never anything else.
    expect(faults.filter((code) => code !== 14)).toEqual([])
    client.close()
    expect(await program.ended(60_000)).toEqual({ code: 0, signal: null })
    expect(readdirSync(tmpdir()).filter((name) => name.includes(`-${program?.pid}-`))).toEqual([])
  })

  test('refuses a database that it has no driver for', async () => {
    program = startProgram(process.execPath, [main], { env: { ...env, DATABASE_URL: 'mysql://u:canary@h/db' } })
    expect(await program.ended(60_000)).toEqual({ code: 78, signal: null })
    expect(program.output()).toContain('DATABASE_URL')
    expect(program.output()).not.toContain('canary')
  })

  test.each([
    [['search', '--query', 'a'], 'npx armature-search find'],
    [['search', 'doctor'], 'npx armature-search doctor'],
    [['things', 'import', 'FILE', '--strict'], 'npx armature-search import'],
  ])('%j, which was a command once, says what to call instead', async (args, instead) => {
    program = startProgram(process.execPath, [main, ...args], { env })
    expect(await program.ended(60_000)).toEqual({ code: 64, signal: null })
    expect(program.output()).toContain(`call ${instead}.`)
  })
})
