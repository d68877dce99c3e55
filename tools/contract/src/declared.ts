import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describeSettings, type Settings } from '@armature/config/schema'
import type { Events, TopicSource } from '@armature/messaging/events'
import { jsonSchemaOf, type JsonSchema } from './json-schema.ts'

/** What a service publishes. */
export interface Sent {
  readonly name: string
  readonly summary: string
  /** Undefined: that of a setting without a default. */
  readonly topic: string | undefined
  readonly types: readonly string[]
  /** Empty: those of the messages that it passes on. */
  readonly contentTypes: readonly string[]
  /** Undefined: the body may be anything. */
  readonly schema: JsonSchema | undefined
}

/** What a handler of a service takes. */
export interface Received {
  readonly name: string
  readonly topic: string | undefined
  /** Undefined: it takes any body. */
  readonly schema: JsonSchema | undefined
}

/** What an app says of itself by its settings and its events. */
export interface Declared {
  readonly service: string
  /** The keys of its settings. */
  readonly settings: readonly string[]
  readonly sends: readonly Sent[]
  readonly receives: readonly Received[]
}

/** Reads `src/config.ts` and `src/events.ts` of all apps but those that are made of others. Throws where they do not fit together. */
export const readDeclared = async (root: string): Promise<readonly Declared[]> => {
  const isComposer = (path: string) =>
    readFileSync(join(root, dirname(dirname(path)), 'package.json'), 'utf8').includes('"composes:apps"')
  const configs = globSync('apps/*/src/config.ts', { cwd: root })
    .filter((path) => !isComposer(path))
    .sort()
  const read = await Promise.all(
    configs.map(async (path) => {
      const service = basename(dirname(dirname(path)))
      const { settings } = (await import(urlOf(root, path))) as { settings: Settings }
      const eventsPath = path.replace('config.ts', 'events.ts')
      const { events } = existsSync(join(root, eventsPath))
        ? ((await import(urlOf(root, eventsPath))) as { events: Events })
        : { events: undefined }
      return declared(service, settings, events)
    }),
  )
  const all = read.flatMap(({ service, sends }) => sends.map(({ name }) => ({ service, name })))
  for (const { service, name } of all) {
    const other = all.find((each) => each.name === name && each.service !== service)
    if (other !== undefined)
      throw new Error(`${service} and ${other.service} both publish an event named ${name}: rename one of them`)
  }
  return read
}

const urlOf = (root: string, path: string): string => pathToFileURL(join(root, path)).href

/** The declaration of one service. Throws where a setting for a topic has no event, or an event names a setting that there is not. */
export const declared = (service: string, settings: Settings, events: Events | undefined): Declared => {
  const keys = describeSettings(settings).map(({ key }) => key)
  const { sends = [], receives = [] } = events ?? {}
  const named = [...sends, ...receives].flatMap(({ topic }) => (typeof topic === 'string' ? [] : [topic.setting]))
  const missing = named.find((key) => !keys.includes(key))
  if (missing !== undefined)
    throw new Error(`apps/${service}/src/events.ts names the setting ${missing}, which config.ts does not have`)
  const unnamed = keys.find((key) => /^topic$|Topic$/.test(key) && !named.includes(key))
  if (unnamed !== undefined)
    throw new Error(`apps/${service}/src/events.ts does not say what is sent to or taken from the setting ${unnamed}`)
  const defaults = new Map(describeSettings(settings).map(({ key, defaultValue }) => [key, defaultValue]))
  const topicOf = (topic: TopicSource): string | undefined =>
    typeof topic === 'string' ? topic : (defaults.get(topic.setting) as string | undefined)
  return {
    service,
    settings: keys,
    sends: sends.map(({ name, summary, topic, types = [], contentTypes = ['application/json'], schema }) => ({
      ...{ name, summary, topic: topicOf(topic), types, contentTypes },
      schema: schema && jsonSchemaOf(schema, 'output'),
    })),
    receives: receives.map(({ name, topic, schema }) => ({
      ...{ name, topic: topicOf(topic) },
      schema: schema && jsonSchemaOf(schema, 'input'),
    })),
  }
}
