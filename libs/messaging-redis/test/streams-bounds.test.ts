import { describe, expect, test } from 'vitest'
import { idsOf, numbered, recorder, uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { deadLetterTopic } from '@armature/messaging/dead-letter'
import { redisFixture } from './fixture.ts'

const { connect, rawClient, eventually } = redisFixture()

describe('the bound of a stream', () => {
  const bounded = 'claimIdleMs=600&maxMessages=100&publishWaitMs=300'

  test('cuts off what every group has settled, so that publishing goes on', async () => {
    const topic = uniqueTopic()
    const driver = await connect(bounded)
    const [seen, alone] = [recorder(), recorder()]
    await driver.subscribe(topic, seen.handle, { group: `g-${topic}` })
    await driver.subscribe(topic, alone.handle)
    const patient = await connect('claimIdleMs=600&maxMessages=100')
    const messages = numbered(topic, 400)
    for (let at = 0; at < 400; at += 25) await patient.publish(topic, messages.slice(at, at + 25))
    await eventually(() => expect(seen.ids()).toHaveLength(400))
    await eventually(() => expect(alone.ids()).toHaveLength(400))
    const raw = await rawClient()
    expect(await raw.send(['XLEN', `armature:${topic}`])).toBeLessThanOrEqual(100)
  })

  test.each(['g', undefined])(
    'refuses what has no room while a subscriber lags, and loses nothing: group %s',
    async (name) => {
      const topic = uniqueTopic()
      const driver = await connect(bounded)
      const group = name === undefined ? {} : { group: `${name}-${topic}` }
      let release = () => {}
      const released = new Promise<void>((resolve) => (release = resolve))
      const seen = recorder(() => released)
      await driver.subscribe(topic, seen.handle, group)
      const messages = numbered(topic, 100)
      await driver.publish(topic, messages)
      const refused = driver.publish(topic, numbered(topic, 1))
      await expect(refused).rejects.toMatchObject({ fault: 'full', retryable: true })
      await expect(refused).rejects.toThrow(name === undefined ? 'armature.reader' : `g-${topic}`)
      release()
      await eventually(async () => {
        const late = numbered(topic, 1)
        messages.push(...late)
        await driver.publish(topic, late)
      })
      await eventually(() => expect(seen.ids()).toEqual(expect.arrayContaining(idsOf(messages.slice(0, 100)))))
    },
  )

  test('a topic that nobody reads keeps the newest; dead letters are kept and refused at the bound', async () => {
    const topic = uniqueTopic()
    const driver = await connect(bounded)
    const raw = await rawClient()
    for (let at = 0; at < 10; at++) await driver.publish(topic, numbered(topic, 30))
    expect(await raw.send(['XLEN', `armature:${topic}`])).toBeLessThanOrEqual(100)
    const letters = deadLetterTopic(topic)
    await driver.publish(letters, numbered(letters, 100))
    await expect(driver.publish(letters, numbered(letters, 1))).rejects.toMatchObject({ fault: 'full' })
    expect(await raw.send(['XLEN', `armature:${letters}`])).toBe(100)
  })

  test('a subscriber without a group that died holds nothing for ever', async () => {
    const topic = uniqueTopic()
    const driver = await connect(bounded)
    const raw = await rawClient()
    await raw.send(['XGROUP', 'CREATE', `armature:${topic}`, 'armature.reader:dead', '0', 'MKSTREAM'])
    await driver.publish(topic, numbered(topic, 100))
    await driver.publish(topic, numbered(topic, 10))
    expect(await raw.send(['XLEN', `armature:${topic}`])).toBeLessThanOrEqual(100)
  })
})
