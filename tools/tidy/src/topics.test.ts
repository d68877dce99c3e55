import { expect, test } from 'vitest'
import { topicsInEvents } from './topics.ts'
import { treeOf } from './tree.ts'

const problems = (path: string, text: string) => topicsInEvents(treeOf({ [path]: text })).map(({ problem }) => problem)

test('a topic stands in events.ts', () => {
  const file = "import { on } from '@armature/messaging/on'\n"
  expect(problems('apps/billing/src/handlers.ts', `${file}on('orders', options, store)`)).toEqual([
    "the topic 'orders' stands here: declare it in events.ts",
  ])
  expect(problems('apps/billing/src/service.ts', 'driver.publish(`orders.${name}`, messages)')).toHaveLength(1)
  expect(problems('apps/billing/src/service.ts', "driver.subscribe('orders', handle)")).toHaveLength(1)
  expect(problems('apps/billing/src/handlers.ts', `${file}on(orders.topic, options, store)`)).toEqual([])
  expect(problems('apps/billing/src/events.ts', `${file}on('orders', options, store)`)).toEqual([])
  expect(problems('apps/billing/src/handlers.test.ts', `${file}on('orders', options, store)`)).toEqual([])
})

test('others may have methods of that name', () => {
  expect(problems('apps/billing/src/service.ts', "socket.on('error', log)")).toEqual([])
  expect(problems('apps/billing/src/service.ts', "message('hello')")).toEqual([])
})
