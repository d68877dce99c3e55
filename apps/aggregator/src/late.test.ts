import { message } from '@armature/messaging/message'
import { expect, test } from 'vitest'
import { begunGroups } from './late.ts'

const one = (id: string) => message('t', '', { id })

test('bug: the end of a group that was forgotten was taken for that of a later group of its key', () => {
  const groups = begunGroups(1)
  groups.took('x', one('1'))
  groups.took('y', one('2'))
  groups.took('x', one('3'))
  groups.wrote('x', [one('1')])
  expect(groups.latenessOf('x', one('3'))).toBe('early')
  groups.gaveBack('x', [one('1')])
  expect(groups.latenessOf('x', one('3'))).toBe('early')
  groups.wrote('x', [one('3')])
  expect(groups.latenessOf('x', one('3'))).toBe('repeat')
})
