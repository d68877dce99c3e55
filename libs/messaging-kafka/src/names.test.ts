import { expect, test } from 'vitest'
import { TopicError } from '@armature/messaging/errors'
import { kafkaName, topicOf } from './names.ts'

test.each([
  ['logs.search-service', 'logs.search-service'],
  ['Under_score.x', 'Under_score.x'],
  ['žlutý', '_xC5_xBElut_xC3_xBD'],
  ['a/b:c', 'a_x2Fb_x3Ac'],
  ['looks_x41like', 'looks_x5Fx41like'],
  ['_x5F', '_x5Fx5F'],
  ['🛰️.DLT', '_xF0_x9F_x9B_xB0_xEF_xB8_x8F.DLT'],
])('%s is %s to Kafka, and back', (topic, name) => {
  expect(kafkaName(topic)).toBe(name)
  expect(name).toMatch(/^[A-Za-z0-9._-]+$/)
  expect(topicOf(name)).toBe(topic)
})

test('a name that another program made stays as it is, also where it looks like ours', () => {
  expect(topicOf('plain_x41')).toBe('plain_x41')
  expect(topicOf('bad_xFF_xFE')).toBe('bad_xFF_xFE')
})

test('a name that gets too long for Kafka is refused, one of its length is not', () => {
  expect(kafkaName('x'.repeat(249))).toHaveLength(249)
  expect(() => kafkaName(`${'x'.repeat(246)}ž`)).toThrow(TopicError)
})
