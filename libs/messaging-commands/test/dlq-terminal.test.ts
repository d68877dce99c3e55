import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { bodyText } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging-drivers/open'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startOnTerminal, type Program } from '@armature/servers/program'
import { failOn, heldIn, poison } from './letters.ts'

const main = fileURLToPath(new URL('./program.ts', import.meta.url))

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const start = (url: string, line: string, editor = 'false'): Program => {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, TERM: 'dumb', MESSAGING_URL: url, EDITOR: editor }
  const program = startOnTerminal(`exec '${process.execPath}' '${main}' ${line}`, { env })
  ends.push(() => program.kill())
  return program
}

describe.skipIf(skipped('redis'))('on a terminal', () => {
  const open = async () => {
    const url = (await serverUrl('redis')).replace(/^redis:/, 'redis-streams:')
    const driver = await openDriver(url)
    ends.push(() => driver.close())
    const topic = `orders.${uniqueName('terminal')}`
    await failOn(driver, topic)
    await driver.publish(topic, [poison(topic, 'm1'), poison(topic, 'm2')])
    const lying = async () => (await heldIn(driver, `${topic}.DLT`)).map(({ id }) => id).sort()
    await vi.waitFor(async () => expect(await lying()).toEqual(['m1', 'm2']), { timeout: 30_000 })
    return { url, driver, topic, lying }
  }

  test(
    'drop asks, and drops only what it was told to',
    async () => {
      const { url, topic, lying } = await open()
      const refused = start(url, `dlq drop ${topic}.DLT --id=m1`)
      await refused.until(/Drop 1 letter of .* \[y\/N\]/)
      refused.write('n\r')
      expect(await refused.ended()).toMatchObject({ code: 0 })
      expect(await lying()).toEqual(['m1', 'm2'])
      const agreed = start(url, `dlq drop ${topic}.DLT --id=m1`)
      await agreed.until(/\[y\/N\]/)
      agreed.write('y\r')
      expect(await agreed.ended()).toMatchObject({ code: 0 })
      expect(await lying()).toEqual(['m2'])
    },
    serverDeadlineMs,
  )

  test(
    'edit opens the editor; one that fails changes nothing',
    async () => {
      const { url, driver, topic, lying } = await open()
      const failed = start(url, `dlq edit ${topic}.DLT --id=m1`, 'false')
      expect(await failed.ended()).toMatchObject({ code: 64 })
      expect(failed.output()).toMatch(/the editor ended with 1/)
      expect(await lying()).toEqual(['m1', 'm2'])
      const edited = start(url, `dlq edit ${topic}.DLT --id=m1`, 'sed -i s/body/soul/')
      expect(await edited.ended(), edited.output()).toMatchObject({ code: 0 })
      const mine = (await heldIn(driver, topic)).filter(({ headers }) => headers['dlt-edited-time'] !== undefined)
      expect(mine.map(bodyText)).toEqual(['soul of m1'])
    },
    serverDeadlineMs,
  )

  test(
    'Ctrl-C while it asks drops nothing',
    async () => {
      const { url, topic, lying } = await open()
      const asked = start(url, `dlq drop ${topic}.DLT --filter=id~m`)
      await asked.until(/Drop 2 letters/)
      asked.write('\x03')
      await asked.ended()
      expect(await lying()).toEqual(['m1', 'm2'])
    },
    serverDeadlineMs,
  )
})
