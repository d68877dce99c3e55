import { describe, expect, test } from 'vitest'
import { PublishError } from '@armature/messaging/errors'
import { message } from '@armature/messaging/message'
import type { Publisher } from '@armature/messaging/ports'
import { ledger, writeAll } from './loss-ledger.ts'

const written = async (publish: Publisher['publish']) => {
  const book = ledger()
  const options = {
    topic: 't',
    count: 25,
    batch: 10,
    tries: 2,
    message: (at: number) => message('t', 'x', { id: `${at}` }),
  }
  await writeAll({ publish, close: async () => undefined }, book, options)
  return book
}

describe('ledger', () => {
  test('what was published and stored is neither lost nor unattempted; repeats are counted', async () => {
    const book = await written(async () => undefined)
    for (let at = 0; at < 25; at++) book.stored(`${at}`)
    book.stored('7')
    const { lost, unattempted, counts } = book.result()
    expect([lost, unattempted]).toEqual([[], []])
    expect(counts).toMatchObject({ attempted: 25, ok: 25, sink: 25, repeats: 1, lost: 0, unattempted: 0 })
  })

  test('what was confirmed and is not in the sink is lost; what nobody published is unattempted', async () => {
    const book = await written(async () => undefined)
    for (let at = 1; at < 25; at++) book.stored(`${at}`)
    book.stored('made-up')
    expect(book.result()).toMatchObject({ lost: ['0'], unattempted: ['made-up'] })
  })

  test('what failed is not lost when it is missing, and not unattempted when it is there', async () => {
    let calls = 0
    const book = await written(async (topic) => {
      calls++
      throw new PublishError('away', { topic, fault: 'unavailable' })
    })
    book.stored('3')
    expect(calls).toBe(6)
    expect(book.result()).toMatchObject({ lost: [], unattempted: [], counts: { ok: 0, unknown: 25, sink: 1 } })
  })

  test('what is refused before it is sent has failed, and is not tried again', async () => {
    let calls = 0
    const book = await written(async (topic) => {
      calls++
      throw new PublishError('no', { topic, fault: 'closed' })
    })
    expect(calls).toBe(3)
    expect(book.result().counts).toMatchObject({ fail: 25, unknown: 0 })
  })
})
