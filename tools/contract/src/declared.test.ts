import { defineEvents } from '@armature/messaging/events'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { declared } from './declared.ts'

const settings = z.object({ inputTopic: z.string().default('orders'), lateTopic: z.string().optional() })
const receives = [{ name: 'store', topic: { setting: 'inputTopic' } }]
const late = { name: 'late', summary: 'A late order', topic: { setting: 'lateTopic' } }

test('topics are those of the settings by default', () => {
  const { sends, receives: received } = declared('billing', settings, defineEvents({ sends: [late], receives }))
  expect(received).toEqual([{ name: 'store', topic: 'orders', schema: undefined }])
  expect(sends).toMatchObject([{ name: 'late', topic: undefined, contentTypes: ['application/json'] }])
})

test('a setting for a topic that no event names is refused', () => {
  expect(() => declared('billing', settings, defineEvents({ sends: [], receives }))).toThrow(
    'apps/billing/src/events.ts does not say what is sent to or taken from the setting lateTopic',
  )
})

test('an event of a setting that there is not is refused', () => {
  expect(() => declared('billing', z.object({}), defineEvents({ sends: [late], receives: [] }))).toThrow(
    'apps/billing/src/events.ts names the setting lateTopic, which config.ts does not have',
  )
})

test('a schema of another library is refused', () => {
  const schema = { safeParse: () => ({ success: true as const, data: 1 }) }
  const events = defineEvents({ sends: [], receives: [{ name: 'store', topic: 'orders', schema }] })
  expect(() => declared('billing', z.object({}), events)).toThrow('the schema of an event is no schema of zod')
})
