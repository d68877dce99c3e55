import { expect, test } from 'vitest'
import { amqpAcks } from './acks.ts'

const setUp = () => {
  const sent: string[] = []
  const acks = amqpAcks({ send: (tag, upTo) => sent.push(`${upTo ? '<=' : ''}${tag}`), schedule: () => undefined })
  return { acks, sent }
}

test('tags that follow each other are acknowledged at once, in whatever order they came', () => {
  const { acks, sent } = setUp()
  for (const tag of [3, 1, 2]) acks.ack(tag)
  acks.flush()
  acks.ack(4)
  acks.flush()
  expect(sent).toEqual(['<=3', '<=4'])
})

test('behind one that is not handled each is acknowledged by itself, and never that one', () => {
  const { acks, sent } = setUp()
  for (const tag of [1, 3, 4]) acks.ack(tag)
  acks.flush()
  expect(sent).toEqual(['<=1', '3', '4'])
  acks.ack(2)
  acks.flush()
  expect(sent.slice(3)).toEqual(['<=2'])
  acks.ack(5)
  acks.flush()
  expect(sent.slice(4)).toEqual(['<=5'])
})

test('one that was given back is not acknowledged, and holds nothing up', () => {
  const { acks, sent } = setUp()
  acks.ack(1)
  acks.gone(2)
  acks.flush()
  acks.gone(3)
  acks.ack(4)
  acks.flush()
  expect(sent).toEqual(['<=1', '<=4'])
})

test('nothing to send is nothing sent', () => {
  const { acks, sent } = setUp()
  acks.gone(1)
  acks.flush()
  acks.flush()
  expect(sent).toEqual([])
})
