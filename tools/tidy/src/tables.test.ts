import { describe, expect, test } from 'vitest'
import { metricsDocumented, settingsDocumented } from './tables.ts'
import { treeOf } from './tree.ts'

const readme = 'apps/a/README.md'

describe('settings', () => {
  const rows = ['| `port` | `--port` | `PORT` | `0` | Port |']
  const check = settingsDocumented(async () => [{ readme, source: 'apps/a/src/config.ts', rows }])

  test('stand in the table, however it is padded', async () => {
    const text =
      '| Setting | Flag     | Env    | Default | What |\n| --- |\n| `port`  | `--port` | `PORT` | `0`     | Port |\n'
    expect(await check(treeOf({ [readme]: text }))).toEqual([])
  })

  test.each([
    ['no row', ''],
    ['another default', '| `port` | `--port` | `PORT` | `80` | Port |'],
    ['prose', 'The setting `port` | `--port` | `PORT` | `0` | Port |'],
  ])('%s', async (_what, text) => {
    expect(await check(treeOf({ [readme]: text }))).toMatchObject([{ path: readme }])
    expect(await check(treeOf({}))).toHaveLength(1)
  })
})

describe('metrics', () => {
  const path = 'libs/telemetry/README.md'
  const check = metricsDocumented(async () => ['alerts_firing', 'rpc.server.call.duration'])
  const table = (...names: string[]) =>
    [
      '# telemetry',
      '',
      '| Metric | Kind |',
      '| --- | --- |',
      ...names.map((name) => `| \`${name}\` | gauge |`),
      '',
      'end',
    ].join('\n')

  test('stand in the table, and other tables do not matter', async () => {
    const text = `${table('alerts_firing', 'rpc.server.call.duration')}\n\n| File | What |\n| --- | --- |\n| \`names.ts\` | names |\n`
    expect(await check(treeOf({ [path]: text }))).toEqual([])
  })

  test('one is missing', async () => {
    expect(await check(treeOf({ [path]: table('alerts_firing') }))).toMatchObject([
      { problem: expect.stringContaining('rpc.server') },
    ])
  })

  test('one is not recorded by anything', async () => {
    const text = table('alerts_firing', 'rpc.server.call.duration', 'made_up')
    expect(await check(treeOf({ [path]: text }))).toMatchObject([{ problem: expect.stringContaining('made_up') }])
  })
})
