import { expect, test } from 'vitest'
import { serverNames } from './kinds.ts'
import { skipped, skippedServers } from './skip.ts'

test.each([
  [{}, []],
  [{ ARMATURE_SKIP: '' }, []],
  [{ ARMATURE_SKIP: '', CI: 'true' }, []],
  [{ ARMATURE_SKIP: 'kafka' }, ['kafka']],
  [{ ARMATURE_SKIP: ' kafka, nats,', CI: 'false' }, ['kafka', 'nats']],
])('%o skips %o', (env, names) => {
  expect(skippedServers(env)).toEqual(names)
  for (const name of serverNames) expect(skipped(name, env)).toBe((names as string[]).includes(name))
})

test('CI refuses to skip', () => {
  expect(() => skippedServers({ ARMATURE_SKIP: 'kafka', CI: 'true' })).toThrow(/^ARMATURE_SKIP is set, but CI is too/)
})

test('what does not exist is refused with what does', () => {
  expect(() => skippedServers({ ARMATURE_SKIP: 'kafka,kafak,x' })).toThrow(
    /^ARMATURE_SKIP: No such server: kafak, x\. The servers are consul, .*kafka, .*toxiproxy\.$/,
  )
})
