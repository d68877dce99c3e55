import { expect, test } from 'vitest'
import { topicLives } from './topic-lives.ts'

test('another id is another life; one that is past does not come back', () => {
  const lives = topicLives()
  expect(lives.see('t', 'a')).toBe('first')
  expect(lives.see('t', 'a')).toBe('same')
  expect(lives.see('u', 'b')).toBe('first')
  expect(lives.see('t', undefined)).toBe('unknown')
  expect(lives.see('t', 'c')).toBe('another')
  expect(lives.see('t', 'a')).toBe('past')
  expect(lives.see('t', 'c')).toBe('same')
})

test('many topics do not make the books grow without end', () => {
  const lives = topicLives()
  for (let topic = 0; topic < 20_000; topic++) lives.see(`t-${topic}`, `id-${topic}`)
  expect(lives.see('t-0', 'another')).toBe('first')
  expect(lives.see('t-19999', 'another')).toBe('another')
})
