import type { Tree } from '@nx/devkit'
import type { ServiceOptions } from './service/spec.ts'

/** `apps/<name>/.scaffold.json`: what a service was made of, and what the template made of it then. */
export interface ServiceRecord {
  readonly generator: 'service'
  readonly options: ServiceOptions
  /** The lines of each file of the template by its path from the root: the base of the next merge. */
  readonly files: Readonly<{ [path: string]: readonly string[] }>
}

/** The file with the record of a service. */
export const recordPath = (name: string): string => `apps/${name}/.scaffold.json`

/** Text by path, as the record keeps it. */
export const filesOf = ({ files }: ServiceRecord): ReadonlyMap<string, string> =>
  new Map(Object.entries(files).map(([path, lines]) => [path, lines.join('\n')]))

/** Writes the record of a service. */
export const writeRecord = (tree: Tree, options: ServiceOptions, files: ReadonlyMap<string, string>): void => {
  const record: ServiceRecord = {
    generator: 'service',
    options,
    files: Object.fromEntries([...files].map(([path, text]) => [path, text.split('\n')])),
  }
  tree.write(recordPath(options.name), `${JSON.stringify(record, null, 2)}\n`)
}

/** The record of a service; undefined for one that no generator made. */
export const readRecord = (tree: Tree, name: string): ServiceRecord | undefined => {
  const text = tree.read(recordPath(name), 'utf8')
  return text === null ? undefined : (JSON.parse(text) as ServiceRecord)
}

/** The services that have a record. */
export const recordedServices = (tree: Tree): readonly string[] =>
  tree.children('apps').filter((name) => tree.exists(recordPath(name)))
