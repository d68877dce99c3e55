import { expect, test } from 'vitest'
import { maxYamlBytes, problemLine } from '@armature/config/yaml-file'
import { readPipelines } from './pipeline-file.ts'

const lint = (source: string) => readPipelines(source).problems.map((problem) => problemLine('p.yaml', problem))

const good = `pipelines:
  - name: logs
    input: { topic: logs.> }
    complete: { count: 10, periodMs: 1000 }
`

test('a file without a fault has no problem', () => {
  expect(lint(good)).toEqual([])
  expect(readPipelines(good).file?.pipelines[0]).toMatchObject({ correlateBy: 'topic', merge: 'list', inOrder: false })
})

test.each<[string, string, RegExp]>([
  [
    'an unknown key, with the nearest one',
    good.replace('count: 10', 'cuont: 10'),
    /^p\.yaml:4:17: error: pipelines\[0\]\.complete\.cuont is no key here: did you mean count\?$/,
  ],
  ['a key at the top', `pipeline: []\n`, /^p\.yaml:1:1: error: pipeline is no key here: did you mean pipelines\?$/],
  [
    'a missing key',
    good.replace('    input: { topic: logs.> }\n', ''),
    /^p\.yaml:2:5: error: pipelines\[0\]\.input is missing$/,
  ],
  [
    'a value of another kind',
    good.replace('count: 10', 'count: ten'),
    /^p\.yaml:4:24: error: pipelines\[0\]\.complete\.count /,
  ],
  ['a number out of range', good.replace('count: 10', 'count: 0'), /^p\.yaml:4:24: .*>=1/],
  ['a name that is none', good.replace('logs\n', 'My Logs\n'), /^p\.yaml:2:11: .*is no name/],
  ['no condition', good.replace('{ count: 10, periodMs: 1000 }', '{}'), /^p\.yaml:4:15: .*says nothing/],
  ['a field that is none', `${good}    correlateBy: body\n`, /^p\.yaml:5:18: .*'body' names no part of a message/],
  [
    'a field in a list',
    `${good}    filter:\n      - { field: key, exists: true }\n      - { field: keys, exists: true }\n`,
    /^p\.yaml:7:18: error: pipelines\[0\]\.filter\[1\]\.field 'keys' names no part/,
  ],
  [
    'a way to merge that there is not',
    `${good}    merge: { total: { summ: key } }\n`,
    /^p\.yaml:5:21: .*pipelines\[0\]\.merge\.total/,
  ],
  ['a sink without a URL of a known kind', `${good}    sink: { url: ftp://x }\n`, /^p\.yaml:5:18: .*sink\.url /],
  ['a password in the file', `${good}    sink: { password: x }\n`, /^p\.yaml:5:13: .*did you mean passwordFile\?$/],
  ['YAML that is none', 'pipelines: [\n', /^p\.yaml:2:1: error: /],
  ['a key that comes twice', `${good}    name: again\n`, /^p\.yaml:5:5: error: Map keys must be unique$/],
  ['an empty file', '', /^p\.yaml:1:1: error: /],
  ['a text', 'hello', /^p\.yaml:1:1: error: /],
  ['no pipeline', 'pipelines: []', /^p\.yaml:1:12: /],
  ['two of one name', good + good.replace('pipelines:\n', ''), /^p\.yaml:5:11: .*is the name of an earlier pipeline$/],
  [
    'two of one group',
    good.replace('logs.>', 'logs.>, group: g') +
      good.replace('pipelines:\n', '').replace('name: logs', 'name: other').replace('logs.>', 'other, group: g'),
    /^p\.yaml:6:12: .*has the group of an earlier pipeline/,
  ],
  ['a file that is too long', `#${'x'.repeat(maxYamlBytes)}`, /is longer than 1048576 bytes/],
  [
    'aliases that multiply',
    `a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n`,
    /alias/,
  ],
])('%s is reported with its place', (_what, source, line) => {
  const lines = lint(source)
  expect(lines[0]).toMatch(line)
  expect(readPipelines(source).file).toBeUndefined()
})

test('all faults are reported, in the order of the lines', () => {
  const source = `${good.replace('name: logs', 'name: My Logs').replace('count: 10', 'count: 0')}    late: {}\n`
  expect(lint(source).map((line) => line.split(':')[1])).toEqual(['2', '4', '5'])
})

test('a group that may wait for ever is a warning: the file can be run', () => {
  const source = good.replace(', periodMs: 1000', '')
  expect(lint(source)).toEqual([expect.stringMatching(/^p\.yaml:4:15: warning: .*may wait for ever/)])
  expect(readPipelines(source).file).toBeDefined()
})

test('a name of the prototype is a name like any other, but __proto__ is refused', () => {
  const merged = (fields: string) => `${good}    merge: ${fields}\n`
  expect(readPipelines(merged('{ constructor: { first: key } }')).file?.pipelines[0]?.merge).toEqual({
    ['constructor']: { first: 'key' },
  })
  expect(lint(merged('{ __proto__: { last: key } }'))[0]).toMatch(
    /^p\.yaml:5:.*__proto__ is a key that is never accepted/,
  )
})
