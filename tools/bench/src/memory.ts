import { memoryBroker } from '@armature/messaging-memory/broker'
import { message } from '@armature/messaging/message'
import { EventEmitter } from 'eventemitter3'
import { compare, table, timed } from './compare.ts'

const messages = 100_000
const perPublish = 100
const body = new Uint8Array(200)

/** The cost of groups, acknowledgement and order per key, beside an emitter that has none of them. */
export const memory = async (): Promise<string> =>
  table(
    `memory: driver, ${messages.toLocaleString('en')} messages of ${body.length} B, published ${perPublish} at a time`,
    await compare([
      { name: 'memory: published and acked by one group', run: () => timed(messages, published) },
      { name: 'EventEmitter3, emit only', run: () => timed(messages, emitted) },
    ]),
  )

const published = async (): Promise<void> => {
  const driver = memoryBroker().connect()
  const { promise: done, resolve } = Promise.withResolvers<void>()
  let seen = 0
  await driver.subscribe(
    'bench',
    async () => {
      if (++seen === messages) resolve()
    },
    { group: 'bench' },
  )
  for (let sent = 0; sent < messages; sent += perPublish)
    await driver.publish(
      'bench',
      Array.from({ length: perPublish }, (_, index) => message('bench', body, { key: String(index % 16) })),
    )
  await done
  await driver.close()
}

const emitted = async (): Promise<void> => {
  const emitter = new EventEmitter()
  let seen = 0
  emitter.on('bench', () => {
    seen += 1
  })
  for (let sent = 0; sent < messages; sent += 1)
    emitter.emit('bench', message('bench', body, { key: String(sent % 16) }))
  if (seen !== messages) throw new Error(`${seen} of ${messages} events arrived`)
}
