import { join } from 'node:path'
import { startProgram } from '@armature/servers/program'
import { startRedis } from '@armature/servers/redis'
import { describe, expect, test } from 'vitest'
import { numbered, recorder } from '@armature/messaging-kit/conformance-fixture'
import { openRedisStreams } from '../src/streams-driver.ts'
import { redisFixture } from './fixture.ts'
import { streamsUrl } from './raw.ts'

const fixture = redisFixture()
const { connect, eventually } = fixture

describe('what is declared', () => {
  test('without append-only files: less, and a warning; unless the URL vouches', async () => {
    const forgetful = await startRedis({ appendOnly: false })
    fixture.closing({ close: () => forgetful.stop() })
    const warnings: string[] = []
    const driver = await openRedisStreams(streamsUrl(forgetful.url), { warn: (problem) => void warnings.push(problem) })
    expect(driver.guarantees.atLeastOnce).toBe(false)
    expect(warnings).toEqual([expect.stringContaining('appendonly')])
    await driver.close()
    const vouched = await openRedisStreams(streamsUrl(forgetful.url, 'appendonly=true'), { warn: () => expect.fail() })
    expect(vouched.guarantees.atLeastOnce).toBe(true)
    await vouched.close()
  })

  test('where CONFIG is forbidden: less, and a warning; the rest works', async () => {
    const managed = await startRedis({ users: { app: { password: 'secret', rules: '~* &* +@all -config' } } })
    fixture.closing({ close: () => managed.stop() })
    const warnings: string[] = []
    const driver = await openRedisStreams(streamsUrl(managed.url), { warn: (problem) => void warnings.push(problem) })
    expect(driver.guarantees.atLeastOnce).toBe(false)
    expect(warnings).toEqual([expect.stringContaining('appendonly=true')])
    const seen = recorder()
    await driver.subscribe('t', seen.handle, { group: 'g' })
    await driver.publish('t', numbered('t', 3))
    await eventually(() => expect(seen.acked).toHaveLength(3))
    await driver.close()
  })

  test('the names of private groups are refused', async () => {
    const driver = await connect()
    const options = { group: 'armature.reader:x' }
    await expect(driver.subscribe('t', async () => undefined, options)).rejects.toThrow('armature.reader')
  })
})

describe('a process', () => {
  const script = (url: string) =>
    `
    const { openDriver } = await import(${JSON.stringify(join(import.meta.dirname, 'raw.ts'))})
    const { message } = await import(${JSON.stringify(import.meta.resolve('@armature/messaging/message'))})
    const driver = await openDriver(${JSON.stringify(url)})
    for (const options of url.startsWith('redis-streams') ? [{ group: 'g' }, { group: 'h', serial: 'key' }, {}] : [{}]) {
      await driver.subscribe('ends.>', async () => undefined, options)
      await driver.subscribe('ends.here', async () => undefined, options)
    }
    await driver.publish('ends.here', [message('ends.here', 'x')])
    await driver.close()
    console.log('closed')`.replaceAll('url.startsWith', `${JSON.stringify(url)}.startsWith`)

  test.each(['redis', 'redis-streams'])('ends by itself when its driver is closed: %s', async (scheme) => {
    const url = scheme === 'redis' ? fixture.server : streamsUrl(fixture.server)
    const program = startProgram(process.execPath, ['--input-type=module', '-e', script(url)])
    fixture.closing({ close: () => program.kill() })
    await program.until(/closed/, 20_000)
    expect(await program.ended(1_500)).toEqual({ code: 0, signal: null })
  })
})
