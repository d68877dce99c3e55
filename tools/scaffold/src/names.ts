import type { Tree } from '@nx/devkit'
import { Refusal } from './refusal.ts'

/** A release puts its name before that of a service, and Kubernetes allows 63 characters. */
const maxNameLength = 40
const maxIdentifierLength = 60

/** Names that would be taken for something else: parts of the platform, words of npm, Helm and TypeScript. */
const reserved = new Set([
  ...['armature', 'platform', 'service', 'services', 'global', 'default', 'node-modules', 'test', 'example', 'root'],
  ...[
    'kafka',
    'nats',
    'jetstream',
    'rabbitmq',
    'amqp',
    'redis',
    'memory',
    'postgres',
    'opensearch',
    'consul',
    'graphite',
  ],
  ...['break', 'case', 'catch', 'class', 'const', 'continue', 'debugger', 'delete', 'do', 'else', 'enum', 'export'],
  ...['extends', 'false', 'finally', 'for', 'function', 'if', 'implements', 'import', 'in', 'instanceof', 'interface'],
  ...['let', 'new', 'null', 'package', 'private', 'protected', 'public', 'return', 'static', 'super', 'switch'],
  ...['this', 'throw', 'true', 'try', 'typeof', 'undefined', 'var', 'void', 'while', 'with', 'yield', 'await', 'async'],
])

const dnsLabel = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

/** Throws unless a name can be that of a folder, a package, a Kubernetes object and, in camelCase, a variable. */
export const checkName = (name: string, what = 'name'): void => {
  if (!dnsLabel.test(name) || name.length > maxNameLength)
    throw new Refusal(
      `The ${what} ${JSON.stringify(name)} is no DNS label of at most ${maxNameLength} characters`,
      'Use lower-case words and digits with hyphens between them, a letter first, such as order-history',
    )
  if (reserved.has(name)) throw new Refusal(`The ${what} "${name}" is reserved`, 'Choose another one')
}

/** The folders that a new project may not share its name with. */
const folders = ['apps', 'libs', 'tools', 'helm']

/** Throws where a project or a chart has the name already. */
export const checkUnused = (tree: Tree, name: string): void => {
  const taken = folders.map((folder) => `${folder}/${name}`).find((path) => tree.exists(path))
  if (taken !== undefined) throw new Refusal(`The name "${name}" is taken by ${taken}`, 'Choose another one')
}

/** Throws unless a name can be that of a setting, a metric or an event in code. `pattern` says in `accepts` what it matches. */
export const checkIdentifier = (name: string, what: string, pattern: RegExp, accepts: string): void => {
  if (!pattern.test(name) || name.length > maxIdentifierLength)
    throw new Refusal(
      `The ${what} ${JSON.stringify(name)} is not ${accepts}`,
      `Use at most ${maxIdentifierLength} characters of that form`,
    )
  if (reserved.has(name)) throw new Refusal(`The ${what} "${name}" is reserved`, 'Choose another one')
}

/** `order-history` as `orderHistory`. */
export const camelCase = (name: string): string =>
  name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** `order-history` as `OrderHistory`. */
export const pascalCase = (name: string): string => camelCase(`-${name}`)

/** `order-history` as `order_history`. */
export const snakeCase = (name: string): string => name.replaceAll('-', '_')
