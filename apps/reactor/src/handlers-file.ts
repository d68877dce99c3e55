import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as z from 'zod'
import type { StartTools } from '@armature/consumer/consumer'
import { jsonMessage, message } from '@armature/messaging/message'
import { on, type Registration } from '@armature/messaging/on'
import { exitCodes } from '@armature/service/exit-codes'
import { describeError, ServiceError } from '@armature/service/faults'
import { createActions, type Actions } from './actions.ts'
import type { HandlerTools } from './handler-tools.ts'

/** The tools of a file of handlers. It needs no import: where it is run there may be no packages. */
export interface FileTools extends HandlerTools, StartTools, Actions {
  readonly on: typeof on
  readonly message: typeof message
  readonly jsonMessage: typeof jsonMessage
  readonly z: typeof z
}

/**
 * The handlers of a file in TypeScript (types that can be erased) or JavaScript: it exports `handlers`, by name or by default, a list of what `on` makes or
 * a function of `FileTools` that returns one. Rejects with ServiceError (78), which names the file, for one that cannot be read or holds something
 * else.
 */
export const loadHandlersFile = async (
  file: string,
  tools: HandlerTools & StartTools,
): Promise<readonly Registration[]> => {
  const exported = await importFile(file)
  const given = exported['handlers'] ?? exported['default']
  if (given === undefined) throw refused(file, 'exports no handlers', exportIt)
  const all: FileTools = { ...tools, ...createActions(tools), on, message, jsonMessage, z }
  const made: unknown =
    typeof given === 'function' ? await called(file, given as (tools: FileTools) => unknown, all) : given
  if (!Array.isArray(made)) throw refused(file, 'has handlers that are no list', exportIt)
  const list: readonly unknown[] = made.flat()
  const other = list.findIndex((each) => !isRegistration(each))
  if (other !== -1)
    throw refused(file, `has something at ${other} in its list that is no handler`, 'Make it by on(...)')
  const registrations = list as readonly Registration[]
  const names = registrations.map(({ options }) => options.name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) {
    throw refused(file, `has two handlers named ${twice}, which would share a consumer group`, 'Give each its own name')
  }
  return registrations
}

const exportIt =
  "Write: export const handlers = ({ on }) => [on('alerts.>', { name: 'page' }, async ({ message }) => { ... })]"

const importFile = async (file: string): Promise<Readonly<Record<string, unknown>>> => {
  try {
    return (await import(pathToFileURL(resolve(file)).href)) as Readonly<Record<string, unknown>>
  } catch (cause) {
    throw refused(file, 'cannot be run', 'Correct the file that HANDLERS_FILE or run names', cause)
  }
}

const called = async (file: string, make: (tools: FileTools) => unknown, tools: FileTools): Promise<unknown> => {
  try {
    return await make(tools)
  } catch (cause) {
    throw refused(file, 'has a function handlers that failed', 'Correct it', cause)
  }
}

const refused = (file: string, problem: string, fix: string, cause?: unknown): ServiceError => {
  const why = cause === undefined ? '' : ` (${describeError(cause)})`
  return new ServiceError(`the file of handlers ${file} ${problem}${why}`, { exitCode: exitCodes.config, fix })
}

const isRegistration = (value: unknown): value is Registration => {
  const { topic, react, wants, options } = (value ?? {}) as Partial<Record<keyof Registration, unknown>>
  return typeof topic === 'string' && typeof react === 'function' && typeof wants === 'function' && Boolean(options)
}
