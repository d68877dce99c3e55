import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import type { AmqpConnection } from './connection.ts'
import type { AmqpSession } from './session.ts'
import { publishChannels } from './publish-channels.ts'
import { amqpSettings } from './settings.ts'

const replyOf = (code: number) => Object.assign(new Error(`reply ${code}`), { code })

/** A broker that answers binds of exchanges by these codes first; then it takes them. */
const brokerThat = (...bindCodes: number[]) => {
  const checked: string[] = []
  const channel = () =>
    Object.assign(new EventEmitter(), {
      assertExchange: async () => undefined,
      checkExchange: async (name: string) => void checked.push(name),
      bindExchange: async () => {
        const code = bindCodes.shift()
        if (code !== undefined) throw replyOf(code)
      },
      close: async () => undefined,
    })
  const model = { createChannel: async () => channel(), createConfirmChannel: async () => channel() }
  const session = { model, isAlive: true } as unknown as AmqpSession
  const connection = { session: async () => session } as unknown as AmqpConnection
  const warnings: string[] = []
  const ending = new AbortController()
  const channels = publishChannels({
    connection,
    settings: amqpSettings('amqp://127.0.0.1'),
    warn: (problem) => void warnings.push(problem),
    signal: ending.signal,
    onExchangeReplaced: () => undefined,
  })
  return { channels, checked, warnings, end: () => ending.abort() }
}

test('bug: an exchange that was removed while its mark was made was watched by nobody from then on', async () => {
  const { channels, checked, warnings, end } = brokerThat(404)
  await expect(channels.open(1_000)).rejects.toThrow('reply 404')
  expect(await channels.isBoundAgain(0)).toBe(false)
  const channel = await channels.open(1_000)
  await channel.checkMark()
  expect(checked).toEqual([expect.stringMatching(/^armature-mark:[\da-f]{12}:[\da-f]{12}$/)])
  expect(warnings).toEqual([])
  end()
})

test('who may not make exchanges publishes unwatched, and is warned', async () => {
  const { channels, checked, warnings } = brokerThat(403)
  const channel = await channels.open(1_000)
  await channel.checkMark()
  expect(checked).toEqual([])
  expect(warnings).toEqual([expect.stringMatching(/cannot be watched/)])
  expect(await channels.isBoundAgain(0)).toBe(true)
})
