import { expect, test } from 'vitest'
import { edited } from './edit.ts'

const safeguard = { promise: 'p', file: 'a.ts', find: 'await sync()', replace: '', tests: [] }

test('the safeguard is taken out', () => {
  expect(edited('const a = async () => {\n  await sync()\n}\n', safeguard)).toEqual({
    text: 'const a = async () => {\n  \n}\n',
  })
})

test('the replacement is taken literally', () => {
  expect(edited('await sync()', { ...safeguard, replace: 'call("$&")' })).toEqual({ text: 'call("$&")' })
})

test.each([
  ['the text is not there', 'void 0', safeguard, 'stands 0 times'],
  ['the text is there twice', 'await sync()\nawait sync()', safeguard, 'stands 2 times'],
  ['nothing changes', 'await sync()', { ...safeguard, replace: 'await sync()' }, 'changes nothing'],
  ['the result does not parse', 'await sync()', { ...safeguard, replace: 'await (' }, 'no longer parses'],
])('it is a problem when %s', (_, text, given, problem) => {
  expect(edited(text, given)).toEqual({ problem: expect.stringContaining(problem) as string })
})
