import { describe, expect, test } from 'vitest'
import { driver } from '../src/driver/generator.ts'
import { remove } from '../src/remove/generator.ts'
import { changesOf, dryTree } from './dry-tree.ts'
import { openCopy } from './workspace-copy.ts'

const limitMs = 600_000

describe('a driver', () => {
  test('is the skeleton under its own name, and is entered wherever drivers are listed', async () => {
    const tree = dryTree()
    await driver(tree, { name: 'acme-queue' })
    const textOf = (path: string) => tree.read(path, 'utf8') ?? ''
    const changes = changesOf(tree)
    expect(changes.filter((change) => !change.includes('libs/messaging-acme-queue/')).sort()).toEqual([
      'UPDATE CHANGELOG.md',
      'UPDATE libs/messaging-drivers/README.md',
      'UPDATE libs/messaging-drivers/package.json',
      'UPDATE libs/messaging-drivers/src/open.ts',
      'UPDATE libs/messaging-drivers/tsconfig.json',
      'UPDATE libs/messaging/README.md',
      'UPDATE package-lock.json',
      'UPDATE tsconfig.json',
    ])
    for (const part of ['driver', 'settings', 'connection', 'publisher', 'subscription', 'codec', 'faults', 'browser'])
      expect(changes).toContain(`CREATE libs/messaging-acme-queue/src/${part}.ts`)
    for (const { path } of tree.listChanges())
      if (path.startsWith('libs/messaging-acme-queue/')) expect(path + textOf(path)).not.toMatch(/skeleton/i)
    expect(textOf('libs/messaging-acme-queue/src/driver.ts')).toContain('export const openAcmeQueue = ')
    expect(textOf('libs/messaging-drivers/src/open.ts')).toMatch(/'acme-queue': async [^]*?\.openAcmeQueue\(url/)
    expect(textOf('libs/messaging/README.md')).toMatch(/^\| `acme-queue:` +\| at least once \| key/m)
  })

  test.each([
    ['kafka', 'is reserved'],
    ['Acme', 'is no DNS label'],
    ['kit', 'is taken by libs/messaging-kit'],
    ['rediss', 'The scheme "rediss:" has a driver already'],
    ['redis-streams', 'The scheme "redis-streams:" has a driver already'],
    ['a-name-that-is-longer-than-thirty', 'has 33 characters'],
  ])('called %s is refused, and nothing is changed', async (name, problem) => {
    const tree = dryTree()
    await expect((async () => driver(tree, { name }))()).rejects.toThrow(problem)
    expect(changesOf(tree)).toEqual([])
  })

  test('bug: one with a digit in its name stayed in the lists when it was removed, and took the place of the next', async () => {
    const tree = dryTree()
    await driver(tree, { name: 'mqtt5' })
    await driver(tree, { name: 'acme' })
    const textOf = (path: string) => tree.read(path, 'utf8') ?? ''
    expect(textOf('libs/messaging/README.md')).toContain('[mqtt5](../messaging-mqtt5),\n[acme](../messaging-acme).\n')
    expect(textOf('libs/messaging/README.md')).toMatch(/^\| `mqtt5:`.*\n\| `acme:`/m)
    await remove(tree, { name: 'messaging-mqtt5', force: true })
    expect(textOf('libs/messaging-drivers/src/open.ts')).not.toContain('mqtt5')
    await remove(tree, { name: 'messaging-acme', force: true })
    expect(changesOf(tree)).toEqual([])
  })

  test('that no generator made is not removed', async () => {
    const tree = dryTree()
    const removing = (async () => remove(tree, { name: 'messaging-nats', force: true }))()
    await expect(removing).rejects.toThrow('No generator made libs/messaging-nats')
    expect(changesOf(tree)).toEqual([])
  })

  test(
    'passes the conformance suite and the checks as it is generated, and is removed without a trace',
    { timeout: limitMs },
    async () => {
      const { generate, run, status } = openCopy()
      await generate('driver', 'acme-queue')
      expect(await run('vitest', 'run', '--root=libs/messaging-acme-queue')).toMatch(/Tests +\d+ passed/)
      await run('tsc', '--build', 'libs/messaging-acme-queue', '--emitDeclarationOnly')
      await run(
        'prettier',
        '--check',
        'libs/messaging-acme-queue',
        'libs/messaging-drivers',
        'libs/messaging/README.md',
      )
      await run('eslint', '--max-warnings=0', 'libs/messaging-acme-queue', 'libs/messaging-drivers')
      await run('nx', 'sync:check')
      const rules =
        'Driver libraries|follows from its folder|declares what it imports|depend one way|Samples in documents'
      await run('vitest', 'run', '--root=tools/tidy', 'test/tree.test.ts', '-t', rules)
      await generate('remove', 'messaging-acme-queue', '--force')
      expect(status()).toBe('')
    },
  )
})
