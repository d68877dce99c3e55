import { describe, expect, test } from 'vitest'
import { changesOf, dryTree, isWhole } from '../../test/dry-tree.ts'
import { event } from './generator.ts'

const path = 'apps/alert-monitor/src/events.ts'
const options = { name: 'rule-changed', service: 'alert-monitor', topic: 'rules.{name}', summary: 'A rule was changed' }

describe.runIf(isWhole)('event', () => {
  test('an event has a schema, a type and an entry beside those that are there', async () => {
    const tree = dryTree()
    await event(tree, options)
    expect(changesOf(tree)).toEqual([`UPDATE ${path}`])
    const text = tree.read(path, 'utf8') ?? ''
    expect(text).toContain('/** A rule was changed */\nexport const ruleChanged = z.object({')
    expect(text).toContain('export type RuleChanged = Readonly<z.infer<typeof ruleChanged>>')
    expect(text).toMatch(
      /sends: \[\n? *alert,\n? *\{ name: 'rule-changed', summary: 'A rule was changed', topic: 'rules\.\{name\}', schema: ruleChanged \}/,
    )
  })

  test('the first event of a service is written to a new list', async () => {
    const tree = dryTree()
    tree.delete('apps/reactor/src/events.ts')
    await event(tree, { ...options, service: 'reactor' })
    expect(tree.read('apps/reactor/src/events.ts', 'utf8')).toContain(
      "import { defineEvents } from '@armature/messaging/events'",
    )
  })

  test('a second run changes nothing', async () => {
    const tree = dryTree()
    await event(tree, options)
    const once = tree.read(path, 'utf8')
    await event(tree, options)
    expect(tree.read(path, 'utf8')).toBe(once)
  })

  test.each([
    [{ name: 'Rule' }, 'is no DNS label'],
    [{ name: 'log-line' }, 'apps/log-shipper publishes an event "log-line" already'],
    [{ name: 'notice' }, `${path} has something else called notice`],
    [{ service: 'search-service' }, 'uses no broker'],
    [{ service: 'billing' }, 'There is no service "billing"'],
    [{ service: '../apps/reactor' }, 'There is no service "../apps/reactor"'],
    [{ topic: 'rules.*' }, 'The topic "rules.*" is none that can be published to'],
    [{ topic: 'rules..x' }, 'is none that can be published to'],
    [{ topic: 'rules.DLT' }, 'is none that can be published to'],
  ])('%j is refused, and nothing is changed', async (other, problem) => {
    const tree = dryTree()
    await expect(event(tree, { ...options, ...other })).rejects.toThrow(problem)
    expect(changesOf(tree)).toEqual([])
  })
})
