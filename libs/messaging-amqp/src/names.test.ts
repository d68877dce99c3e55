import { describe, expect, test } from 'vitest'
import { bindingKey, deadLetterQueue, givenUpTopic, groupQueue, routingKey, topicOfKey } from './names.ts'
import { amqpSettings } from './settings.ts'

const settings = (options = '') => amqpSettings(`amqp://localhost${options}`)

describe('names on the broker', () => {
  test.each([
    ['a.b', 'a.b'],
    ['a.*.c', 'a.*.c'],
    ['a.>', 'a.*.#'],
    ['>', '*.#'],
    ['a.*.>', 'a.*.*.#'],
    ['a.#', 'a.%23'],
    ['a#.b', 'a#.b'],
  ])('the pattern %s is bound by %s', (pattern, key) => expect(bindingKey(pattern)).toBe(key))

  test.each(['a.b', '#', 'a.#.b', 'a.%23', 'a.%2523', 'a%23.b', '100%', '%'])(
    'the topic %s comes back from its key',
    (topic) => {
      expect(topicOfKey(routingKey(topic))).toBe(topic)
      expect(routingKey(topic).split('.')).not.toContain('#')
    },
  )

  test('queues of different exchanges, groups, patterns and bindings are different', () => {
    const names = [
      groupQueue(settings(), 'g', 'a.b'),
      groupQueue(settings(), 'g:a', 'b'),
      groupQueue(settings(), 'g', 'a:b'),
      groupQueue(settings('?exchange=other'), 'g', 'a.b'),
      groupQueue(settings('?type=headers&bind={"a":"1"}'), 'g', 'a.b'),
      groupQueue(settings('?type=headers&bind={"a":1}'), 'g', 'a.b'),
      deadLetterQueue(settings(), 'a.DLT'),
    ]
    expect(names[0]).toBe('armature:g:a.b')
    expect(new Set(names).size).toBe(names.length)
  })

  test('a name that is too long is cut and stays its own; one of the broker is not taken', () => {
    const long = 'é'.repeat(110)
    const [one, two] = ['x', 'y'].map((end) => groupQueue(settings(), `${long}${long}`, `${'t'.repeat(100)}${end}`))
    expect(Buffer.byteLength(one ?? '')).toBeLessThanOrEqual(255)
    expect(one).not.toBe(two)
    expect(groupQueue(settings('?exchange=amq.topic'), 'g', 'a')).toBe('armature-amq.topic:g:a')
  })

  test.each([
    ['a.b', 'a.b.DLT'],
    ['a.*', 'a.any.DLT'],
    ['a.*.>', 'a.any.all.DLT'],
    ['a.DLT', 'a.DLT'],
  ])('what the broker gives up of %s goes to %s', (pattern, topic) => expect(givenUpTopic(pattern)).toBe(topic))
})
