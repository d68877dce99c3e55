import type { Tree } from '@nx/devkit'
import { generator } from '../generator.ts'
import { camelCase, checkName, pascalCase } from '../names.ts'
import { packageName } from '../project.ts'
import { Refusal } from '../refusal.ts'
import { listsOf, newEvents, withEvent } from './events-file.ts'

/** The options of `event`. */
export interface EventOptions {
  readonly name: string
  readonly service: string
  readonly topic?: string
  readonly summary: string
}

/** Adds an event to those that a service publishes: its schema, its type and its entry in `src/events.ts`. */
export const event = generator<EventOptions>((tree, { name, service, topic = name, summary }) => {
  checkName(name, 'event')
  checkTopic(topic)
  const folder = folderOf(tree, service)
  const owner = ownerOf(tree, name)
  if (owner === folder) return { notes: [`${service} publishes ${name} already.`] }
  if (owner !== undefined) throw new Refusal(`${owner} publishes an event "${name}" already`, 'Choose another name')
  const path = `${folder}/src/events.ts`
  const text = tree.read(path, 'utf8') ?? newEvents
  if (text.includes(`const ${camelCase(name)} `) || text.includes(`type ${pascalCase(name)} `))
    throw new Refusal(`${path} has something else called ${camelCase(name)}`, 'Choose another name')
  const changed = withEvent(path, text, { name, topic, summary })
  addTarget(tree, folder)
  tree.write(path, changed)
  return {
    notes: [
      `The schema of ${name} is in ${path}. Publish it by jsonMessage(topic, value satisfies ${pascalCase(name)}).`,
      'Run `npm run tables`: it writes the schema and its consumers to contracts/, and the AsyncAPI document.',
    ],
  }
})

/** Tokens with dots between them; `{name}` stands for one that differs from message to message. */
const topicForm = /^(?:[\w-]+|\{[a-z][\w-]*\})(?:\.(?:[\w-]+|\{[a-z][\w-]*\}))*$/

const checkTopic = (topic: string): void => {
  if (!topicForm.test(topic) || topic.length > 200 || topic.endsWith('.DLT'))
    throw new Refusal(
      `The topic ${JSON.stringify(topic)} is none that can be published to`,
      'Use names with dots between them, such as orders.placed, and {country} for a part that differs',
    )
}

const folderOf = (tree: Tree, service: string): string => {
  const folder = `apps/${service}`
  if (!/^[a-z0-9-]+$/.test(service) || !tree.exists(`${folder}/src/config.ts`))
    throw new Refusal(`There is no service "${service}"`, `Use one of ${tree.children('apps').join(', ')}`)
  return folder
}

/** The folder of the app that publishes an event of this name. */
const ownerOf = (tree: Tree, name: string): string | undefined =>
  tree
    .children('apps')
    .map((app) => `apps/${app}`)
    .find((folder) => {
      const text = tree.read(`${folder}/src/events.ts`, 'utf8')
      return text !== null && listsOf(text).sends.includes(name)
    })

interface Manifest {
  readonly nx?: { readonly targets?: Readonly<Record<string, unknown>> }
  readonly dependencies?: Readonly<Record<string, string>>
}

/** By the target Nx checks the events of the app; its sources import libs/messaging and zod. */
const addTarget = (tree: Tree, folder: string): void => {
  const path = `${folder}/package.json`
  const manifest = JSON.parse(tree.read(path, 'utf8') ?? '{}') as Manifest
  const { targets = {} } = manifest.nx ?? {}
  const messaging = packageName('libs/messaging')
  if ('contract' in targets && messaging in (manifest.dependencies ?? {})) return
  if (!(messaging in (manifest.dependencies ?? {})))
    throw new Refusal(`${folder} uses no broker: ${messaging} is not among its dependencies`, 'Add it first')
  const nx = { ...manifest.nx, targets: { ...targets, contract: {} } }
  tree.write(path, `${JSON.stringify({ ...manifest, nx }, null, 2)}\n`)
}
