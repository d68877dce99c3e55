import { describe, expect, test } from 'vitest'
import { handler } from '../src/handler/generator.ts'
import { metric } from '../src/metric/generator.ts'
import { pipeline } from '../src/pipeline/generator.ts'
import { rule } from '../src/rule/generator.ts'
import { service } from '../src/service/generator.ts'
import { setting } from '../src/setting/generator.ts'
import { changesOf, dryTree, isWhole } from './dry-tree.ts'
import { openCopy } from './workspace-copy.ts'

const limitMs = 600_000

/** What a generator changes, and the text of a file then. */
const changed = async (generate: (tree: ReturnType<typeof dryTree>) => Promise<unknown>) => {
  const tree = dryTree()
  await generate(tree)
  return { changes: changesOf(tree), textOf: (path: string) => tree.read(path, 'utf8') ?? '' }
}

describe.runIf(isWhole)('each touches its places and nothing else', () => {
  test('a setting: the schema, the README, the chart', { timeout: limitMs }, async () => {
    const options = {
      app: 'reactor',
      key: 'maxPages',
      description: 'Most pages',
      type: 'integer',
      default: '5',
    } as const
    const { changes, textOf } = await changed((tree) => setting(tree, options))
    expect(changes.sort()).toEqual([
      'UPDATE apps/reactor/README.md',
      'UPDATE apps/reactor/src/config.ts',
      'UPDATE helm/reactor/README.md',
      'UPDATE helm/reactor/values.schema.json',
    ])
    expect(textOf('apps/reactor/README.md')).toMatch(
      /\| `maxPages` +\| `--max-pages` +\| `MAX_PAGES` +\| `5` +\| Most pages/,
    )
  })

  test('a metric: its file, the table', { timeout: limitMs }, async () => {
    const options = {
      project: 'reactor',
      name: 'pages_total',
      kind: 'counter',
      help: 'Pages',
      labels: 'outcome',
    } as const
    const { changes, textOf } = await changed((tree) => metric(tree, options))
    expect(changes.sort()).toEqual(['UPDATE apps/reactor/src/reactor-metrics.ts', 'UPDATE libs/telemetry/METRICS.md'])
    expect(textOf('libs/telemetry/METRICS.md')).toMatch(
      /\| `pages_total` +\| counter +\| \{event\} +\| `outcome` +\| Pages/,
    )
  })

  test('a handler: itself, its test, the lists, the contracts', { timeout: limitMs }, async () => {
    const { changes, textOf } = await changed((tree) => handler(tree, { name: 'page-team', topic: 'alerts.>' }))
    expect(changes.sort()).toEqual([
      'CREATE apps/reactor/src/handlers/page-team.ts',
      'CREATE apps/reactor/test/page-team.test.ts',
      'UPDATE README.md',
      'UPDATE apps/reactor/src/events.ts',
      'UPDATE apps/reactor/src/handlers.ts',
      'UPDATE contracts/asyncapi.json',
      'UPDATE contracts/events/alert.json',
      'UPDATE contracts/topology.json',
    ])
    expect(textOf('apps/reactor/src/handlers.ts')).toContain('[logAlert, forwardToWebhook, pageTeam].map')
  })

  test('a pipeline: itself, its test', async () => {
    const { changes } = await changed((tree) => pipeline(tree, { name: 'invoices', topic: 'invoices.>' }))
    expect(changes).toEqual([
      'CREATE apps/aggregator/pipelines/invoices.yaml',
      'CREATE apps/aggregator/test/pipeline-invoices.test.ts',
    ])
  })

  test('a rule: those of npm start, those of the umbrella chart', async () => {
    const options = { name: 'slow-pages', metric: 'page', type: 'threshold', value: 5 } as const
    const { changes, textOf } = await changed((tree) => rule(tree, options))
    expect(changes).toEqual(['UPDATE apps/all-in-one/src/rules.json', 'UPDATE helm/platform/values.yaml'])
    expect(JSON.parse(textOf('apps/all-in-one/src/rules.json'))).toMatchObject({
      rules: [{}, {}, {}, {}, { type: 'threshold', name: 'slow-pages', metric: 'page', op: '>', value: 5 }],
    })
    expect(textOf('helm/platform/values.yaml')).toMatch(
      /\n {10}\{\n {12}"type": "threshold",\n {12}"name": "slow-pages"/,
    )
  })
})

test.runIf(isWhole)('what is there, or wrong, is refused before anything changes', { timeout: limitMs }, async () => {
  const told = (generate: (tree: ReturnType<typeof dryTree>) => Promise<unknown>) => expect(changed(generate)).rejects
  const one = { app: 'reactor', key: 'keepHandled', description: 'x', type: 'integer' } as const
  await told((tree) => setting(tree, one)).toThrow('has the setting keepHandled already')
  await told((tree) => setting(tree, { ...one, key: 'Max-x' })).toThrow(
    'The setting "Max-x" is not a word in camelCase',
  )
  await told((tree) => setting(tree, { ...one, app: '../libs' })).toThrow('There is no apps/../libs/src/config.ts')
  await told((tree) => setting(tree, { ...one, key: 'other', default: 'many' })).toThrow(
    'The default "many" is no number',
  )
  const count = { project: 'reactor', name: 'reactor_handled_total', kind: 'counter', help: 'Some' } as const
  await told((tree) => metric(tree, count)).toThrow('declares the metric reactor_handled_total already')
  await told((tree) => metric(tree, { ...count, name: 'x', project: 'nobody' })).toThrow('There is no project "nobody"')
  await told((tree) => handler(tree, { name: 'log-alert', topic: 'a' })).toThrow('log-alert.ts is there already')
  await told((tree) => handler(tree, { name: 'x', topic: 'a..b' })).toThrow('empty token')
  await told((tree) => pipeline(tree, { name: 'x', topic: `a'b` })).toThrow('holds a quote')
  await told((tree) => rule(tree, { name: 'search-slow', metric: 'x', type: 'rate' })).toThrow(
    'has the rule search-slow already',
  )
  await told((tree) => service(tree, { name: 'x' })).toThrow('would have nothing to do')
  await told((tree) => service(tree, { name: 'reactor', api: 'grpc' })).toThrow('is taken by apps/reactor')
  await told((tree) => service(tree, { name: 'x', consumes: 'mqtt:a' })).toThrow(
    'the transport "mqtt", which is not known',
  )
  await told((tree) => service(tree, { name: 'x', consumes: 'kafka:' })).toThrow('the topic is empty')
  await told((tree) => service(tree, { name: 'x', api: 'grpc', publishes: 'nats:a.>' })).toThrow('wildcard')
  await told((tree) => service(tree, { name: 'x', api: 'grpc', owner: 'a b' })).toThrow('is no team')
})

test.runIf(isWhole)('all of them leave a workspace that passes the checks', { timeout: limitMs }, async () => {
  const { generate, run } = openCopy()
  await generate('setting', 'reactor', 'maxPages', '--description=Most pages', '--type=integer', '--default=5')
  await generate('metric', 'reactor', 'pages_total', '--help=Pages')
  await generate('handler', 'page-team', '--topic=alerts.>')
  await generate('pipeline', 'invoices', '--topic=invoices')
  await generate('library', 'money')
  await generate('service', 'pages', '--api=http')
  await run('tsc', '--build', 'apps/reactor', 'apps/aggregator', 'apps/pages', 'libs/money', '--emitDeclarationOnly')
  await run('nx', 'sync:check')
  await run('vitest', 'run', '--root=apps/reactor', 'test/page-team.test.ts')
  await run('vitest', 'run', '--root=apps/aggregator', 'test/pipeline-invoices.test.ts')
  await run('vitest', 'run', '--root=libs/money')
  await run('vitest', 'run', '--root=apps/pages')
  await run('npm', 'run', 'tables')
  await run('git', 'add', '--all')
  await run('prettier', '--check', 'apps/reactor', 'apps/aggregator', 'libs/money')
})
