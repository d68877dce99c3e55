import { checkPattern } from '@armature/messaging/topic-pattern'
import { generator } from '../generator.ts'
import { checkName } from '../names.ts'
import { Refusal } from '../refusal.ts'

/** The options of `pipeline`. */
export interface PipelineOptions {
  readonly name: string
  readonly topic: string
}

const app = 'apps/aggregator'

/** Adds a file with a pipeline of the aggregator, and a test that runs the tests in it. */
export const pipeline = generator<PipelineOptions>((tree, { name, topic }) => {
  checkName(name)
  if (!tree.exists(`${app}/pipelines.schema.json`))
    throw new Refusal(`There is no ${app}`, 'The generator adds to the aggregator, which this workspace must have')
  try {
    checkPattern(topic)
  } catch (error) {
    throw new Refusal((error as Error).message, 'Give --topic, such as orders')
  }
  if (/['"`\\$#:]/.test(topic)) throw new Refusal(`The topic ${topic} holds a quote`, 'Use letters, digits, dots and -')
  const path = `${app}/pipelines/${name}.yaml`
  if (tree.exists(path)) throw new Refusal(`${path} is there already`, 'Choose another name')
  tree.write(path, fileOf(name, topic))
  tree.write(`${app}/test/pipeline-${name}.test.ts`, testOf(name))
  return { notes: [`Run it: npx aggregator --pipelines ${path}. Its tests: npx aggregator test ${path}.`] }
})

const fileOf = (name: string, topic: string): string => {
  const concrete = topic.replaceAll('*', 'some').replace(/>$/, 'some')
  return `# yaml-language-server: $schema=../pipelines.schema.json
pipelines:
  - name: ${name}
    input: { topic: '${topic}' }
    complete: { count: 100, periodMs: 1000 }
    sink:
      databaseUrl: postgres://${name}@db.example.com/${name}
    tests:
      - name: a lone message waits a second
        steps:
          - { topic: '${concrete}', body: { id: a } }
          - { waitMs: 1000 }
        expect: [{ by: period, events: 1 }]
`
}

const testOf = (name: string): string => `import { fileURLToPath } from 'node:url'
import { startProgram } from '@armature/servers/program'
import { expect, onTestFinished, test } from 'vitest'

const [main, file] = ['../src/main.ts', '../pipelines/${name}.yaml'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)

test('the pipeline ${name} is without a fault, and its tests pass', { timeout: 60_000 }, async () => {
  const program = startProgram(process.execPath, [main!, 'test', file!])
  onTestFinished(() => program.kill())
  expect(await program.ended(), program.output()).toEqual({ code: 0, signal: null })
  expect(program.output()).toMatch(/ 0 failed/)
})
`
