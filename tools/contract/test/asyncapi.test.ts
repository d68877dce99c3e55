import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { defineEvents } from '@armature/messaging/events'
import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { asyncApi } from '../src/asyncapi.ts'
import { declared } from '../src/declared.ts'

const root = join(import.meta.dirname, '../../..')
const official = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json') as object
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true })
const validate = ajv.compile(official)

test('the committed document is valid by the schema of AsyncAPI', () => {
  const document: unknown = JSON.parse(readFileSync(join(root, 'contracts/asyncapi.json'), 'utf8'))
  expect(validate(document), JSON.stringify(validate.errors?.slice(0, 3))).toBe(true)
})

const shop = declared(
  'shop',
  z.object({ otherTopic: z.string().optional() }),
  defineEvents({
    sends: [
      { name: 'order', summary: 'An order', topic: 'orders.{country}', schema: z.object({ id: z.string() }) },
      { name: 'other', summary: 'Another', topic: { setting: 'otherTopic' } },
    ],
    receives: [],
  }),
)
const billing = declared(
  'billing',
  z.object({}),
  defineEvents({
    sends: [],
    receives: [
      { name: 'store', topic: 'orders.>' },
      { name: 'pay', topic: 'payments', schema: z.object({ cents: z.int() }) },
    ],
  }),
)

test('each service that sends or takes has an operation, each topic a channel with its messages', () => {
  const document = asyncApi('shops', '1.0.0', [shop, billing])
  expect(validate(document), JSON.stringify(validate.errors?.slice(0, 3))).toBe(true)
  expect(document['channels']).toMatchObject({
    'orders-country': { address: 'orders.{country}', parameters: { country: {} }, messages: { order: {} } },
    'shop-other': { address: null },
    'orders-all': { address: 'orders.>', messages: { order: { $ref: '#/components/messages/order' } } },
    payments: { address: 'payments', messages: { 'billing-pay': {} } },
  })
  expect(Object.keys(document['operations'] as object)).toEqual([
    ...['shop-sends-order', 'shop-sends-other', 'billing-store-receives', 'billing-pay-receives'],
  ])
})

test('the schema of AsyncAPI finds a document that is wrong', () => {
  const { info: _, ...rest } = asyncApi('shops', '1.0.0', [shop])
  expect(validate(rest)).toBe(false)
})
