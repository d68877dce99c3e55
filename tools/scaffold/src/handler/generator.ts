import { checkPattern } from '@armature/messaging/topic-pattern'
import { generator } from '../generator.ts'
import { camelCase, checkName } from '../names.ts'
import { Refusal } from '../refusal.ts'
import { writeTables } from '../tables.ts'

/** The options of `handler`. */
export interface HandlerOptions {
  readonly name: string
  readonly topic: string
}

const app = 'apps/reactor'
const list = `${app}/src/handlers.ts`
const events = `${app}/src/events.ts`

/** Adds a handler to the reactor, with a test. */
export const handler = generator<HandlerOptions>(async (tree, { name, topic }) => {
  checkName(name)
  checkTopicText(topic)
  const text = tree.read(list, 'utf8')
  if (text === null)
    throw new Refusal(`There is no ${list}`, 'The generator adds to the reactor, which this workspace must have')
  const path = `${app}/src/handlers/${name}.ts`
  if (tree.exists(path)) throw new Refusal(`${path} is there already`, 'Choose another name')
  const create = camelCase(name)
  if (new RegExp(`\\b${create}\\b`).test(text))
    throw new Refusal(`${list} uses the name ${create}`, 'Choose another name')
  tree.write(events, declared(tree.read(events, 'utf8') ?? '', name, topic))
  tree.write(path, source(name, topic))
  tree.write(`${app}/test/${name}.test.ts`, testOf(name, topic))
  tree.write(list, listed(text, name))
  await writeTables(tree)
  return { notes: [`Write what it does in ${path}.`] }
})

const checkTopicText = (topic: string): void => {
  if (/['"`\\$]/.test(topic)) throw new Refusal(`The topic ${topic} holds a quote`, 'Use letters, digits, dots and -')
  try {
    checkPattern(topic)
  } catch (error) {
    throw new Refusal((error as Error).message, 'Give --topic, such as alerts.>')
  }
}

/** Its import after the others of handlers/, its name at the end of the list. */
const listed = (text: string, name: string): string => {
  const line = `import { ${camelCase(name)} } from './handlers/${name}.ts'\n`
  const imports = [...text.matchAll(/^import .* from '\.\/.*'\n/gm)]
  const last = imports.at(-1)
  const place = last === undefined ? 0 : last.index + last[0].length
  const imported = text.slice(0, place) + line + text.slice(place)
  const entries = /(\[)([^\]]*)(\]\.map\(\(create\))/
  if (!entries.test(imported))
    throw new Refusal(`${list} has no list of handlers that ends in .map((create)`, 'Add the handler by hand')
  return imported.replace(
    entries,
    (_, open: string, names: string, close: string) => `${open}${names}, ${camelCase(name)}${close}`,
  )
}

/** The messages of the handler before the list of all, and at its end. */
const declared = (text: string, name: string, topic: string): string => {
  const all = /(\n\/\*\* [^\n]*\*\/\nexport const events = defineEvents\(\{[^]*?receives: \[)([^\]]*)\]/
  if (!all.test(text)) throw new Refusal(`${events} has no list of what is received`, 'Add the handler by hand')
  const own = `
/** The messages of ${name}. They may have more than what is read. */
export const ${camelCase(name)} = {
  name: '${name}',
  topic: '${topic}',
  schema: z.looseObject({ id: z.string().optional() }),
} as const
`
  return text.replace(all, (_, before: string, names: string) => `${own}${before}${names}, ${camelCase(name)}]`)
}

const source = (name: string, topic: string): string => `import { on, type Registration } from '@armature/messaging/on'
import { ${camelCase(name)} as taken } from '../events.ts'

/** Handles each message of ${topic}. */
export const ${camelCase(name)} = (): Registration => {
  const { name, topic, schema } = taken
  return on(topic, { name, schema, retry: { maxAttempts: 3 } }, ({ data, log }) => {
    log.info({ id: data.id }, '${name} was called')
  })
}
`

const testOf = (name: string, topic: string): string => {
  const concrete = topic.replaceAll('*', 'some').replace(/>$/, 'some')
  return `import { expect, test, vi } from 'vitest'
import { ${camelCase(name)} } from '../src/handlers/${name}.ts'
import { openWorld } from './world.ts'

test('${name} takes a message of ${topic}, and one that does not fit is dead-lettered', async () => {
  const world = await openWorld({ handlers: () => [${camelCase(name)}()] })
  await world.service.start()
  await world.publishJson('${concrete}', { id: 'a' })
  await world.publishJson('${concrete}', { id: 1 })
  await vi.waitFor(async () => {
    await world.clock.advance(0)
    expect(world.reasons()).toEqual(['${concrete}.DLT: schema-mismatch'])
    expect(world.row()).toMatchObject({ deadLettered: 1, inFlight: 0 })
  })
})
`
}
