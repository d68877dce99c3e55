import { describe, expect, test } from 'vitest'
import { kinds } from './kinds.ts'

describe.each(Object.entries(kinds))('%s', (name, kind) => {
  test('has the name by which it is asked for', () => {
    expect(kind.name).toBe(name)
  })

  test('has an image of a pinned version', () => {
    expect(kind.container.image).toMatch(/:\d[\w.-]*$/)
  })

  test('has a variable and a remedy of one line', () => {
    expect(kind.variable).toMatch(/^[A-Z_]+$/)
    expect(kind.remedy).toMatch(/^[^\n]+$/)
  })
})

test('no two have the same variable', () => {
  const variables = Object.values(kinds).map(({ variable }) => variable)
  expect(new Set(variables).size).toBe(variables.length)
})
