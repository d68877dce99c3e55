import { fileURLToPath } from 'node:url'
import { openDriver } from '@armature/messaging-drivers/open'
import type { Driver } from '@armature/messaging/ports'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startProgram, type Program } from '@armature/servers/program'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { failOn, heldIn, poison } from './letters.ts'

const main = fileURLToPath(new URL('./program.ts', import.meta.url))
const programs: Program[] = []
let url: string
let driver: Driver

const run = async (line: readonly string[]) => {
  const { PATH, HOME } = process.env
  const started = startProgram(process.execPath, [main, ...line], { env: { PATH, HOME, MESSAGING_URL: url } })
  programs.push(started)
  const { code } = await started.ended(60_000)
  return { code, output: started.output() }
}

describe.skipIf(skipped('rabbitmq'))('RabbitMQ, where nobody reads the topic', () => {
  beforeAll(async () => {
    url = await serverUrl('rabbitmq')
    driver = await openDriver(url)
  }, serverDeadlineMs)
  afterEach(() => Promise.all(programs.splice(0).map((program) => program.kill())))
  afterAll(() => driver?.close())

  test('bug: a redrive published to nobody and removed the letter', { timeout: 120_000 }, async () => {
    const topic = uniqueName('nobody')
    const letters = `${topic}.DLT`
    await failOn(driver, topic, () => Promise.reject(new Error('no')))
    await driver.publish(topic, [poison(topic, 'm1')])
    await vi.waitFor(async () => expect(await heldIn(driver, letters)).toHaveLength(1), { timeout: 30_000 })
    const elsewhere = uniqueName('unread')
    const { code, output } = await run(['dlq', 'redrive', letters, `--to=${elsewhere}`])
    expect([code, output]).toEqual([74, expect.stringMatching(/letter m1 stays: .*subscribe a group first/)])
    expect(output).toContain('redriven 0, quarantined 0, left 1')
    const editing = await run(['dlq', 'edit', letters, '--id=m1', '--header=a=b', `--to=${elsewhere}`])
    expect([editing.code, editing.output]).toEqual([69, expect.stringContaining('subscribe a group first')])
    expect((await heldIn(driver, letters)).map(({ id }) => id)).toEqual(['m1'])
  })

  test('publish says so and ends with 69', { timeout: 120_000 }, async () => {
    const topic = uniqueName('nobody')
    const published = await run(['publish', '-t', topic, '-m', 'x'])
    expect([published.code, published.output]).toEqual([69, expect.stringContaining('subscribe a group first')])
    expect(published.output).toContain('sent 0, failed 1')
    const optedOut = await run(['publish', '-t', topic, '-m', 'x', `--url=${url}?mandatory=false`])
    expect([optedOut.code, optedOut.output]).toEqual([0, expect.stringContaining('sent 1, failed 0')])
  })
})
