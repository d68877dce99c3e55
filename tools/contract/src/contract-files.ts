import { existsSync, globSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { format } from 'prettier'
import { asyncApi } from './asyncapi.ts'
import type { Declared } from './declared.ts'
import { type EventRecord, eventRecords } from './event-record.ts'
import { mermaid, topology } from './topology.ts'

/** Files by their path from the root of the workspace; undefined: the file must not be there. */
export type ContractFiles = Readonly<Record<string, string | undefined>>

const eventsFolder = 'contracts/events'
const releasedFolder = 'contracts/released'

/** All files that follow from the declarations of the services. Throws where README.md has no diagram to be replaced. */
export const contractFiles = async (root: string, services: readonly Declared[]): Promise<ContractFiles> => {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Readonly<
    Record<'name' | 'version', string>
  >
  const shape = topology(services)
  const records = eventRecords(services)
  const texts = {
    'contracts/asyncapi.json': asyncApi(name, version, services),
    'contracts/topology.json': shape,
    ...Object.fromEntries(records.map((record) => [`${eventsFolder}/${record.event}.json`, record])),
  }
  const written = await Promise.all(
    Object.entries(texts).map(async ([path, value]) => [path, await formatted(root, path, value)] as const),
  )
  return {
    ...Object.fromEntries(goneFiles(root, services, records).map((path) => [path, undefined])),
    ...Object.fromEntries(written),
    'README.md': withDiagram(readFileSync(join(root, 'README.md'), 'utf8'), mermaid(shape)),
  }
}

/** Events that are published no longer, and what was released of services that are gone. */
const goneFiles = (root: string, services: readonly Declared[], records: readonly EventRecord[]): readonly string[] => {
  const stale = globSync(`${eventsFolder}/*.json`, { cwd: root }).filter(
    (path) => !records.some(({ event }) => event === basename(path, '.json')),
  )
  const released = globSync(`${releasedFolder}/*.json`, { cwd: root }).filter((path) => {
    const { service } = JSON.parse(readFileSync(join(root, path), 'utf8')) as EventRecord
    return !services.some((each) => each.service === service)
  })
  return [...stale, ...released]
}

const formatted = async (root: string, path: string, value: unknown): Promise<string> => {
  const style = JSON.parse(readFileSync(join(root, '.prettierrc.json'), 'utf8')) as object
  return format(JSON.stringify(value, null, 2), { ...style, filepath: path })
}

const diagram = /(```mermaid\n)[^]*?(\n```)/

const withDiagram = (text: string, chart: string): string => {
  if (!diagram.test(text)) throw new Error('README.md has no diagram to be replaced. Begin one: ```mermaid')
  return text.replace(diagram, (_, start: string, end: string) => `${start}${chart}${end}`)
}

/** Writes what has changed, removes what is gone, and returns the paths. */
export const writeFiles = (root: string, files: ContractFiles): readonly string[] => {
  const changed = drift(root, files)
  for (const path of changed) {
    const text = files[path]
    if (text === undefined) rmSync(join(root, path))
    else {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
  }
  return changed
}

/** The paths of the files that are not as they should be. */
export const drift = (root: string, files: ContractFiles): readonly string[] =>
  Object.entries(files)
    .filter(([path, text]) => {
      const place = join(root, path)
      return existsSync(place) ? readFileSync(place, 'utf8') !== text : text !== undefined
    })
    .map(([path]) => path)

/** What was released last. Empty where nothing was. */
export const releasedRecords = (root: string): readonly EventRecord[] =>
  globSync(`${releasedFolder}/*.json`, { cwd: root })
    .sort()
    .map((path) => JSON.parse(readFileSync(join(root, path), 'utf8')) as EventRecord)

/** What is committed of the events becomes what was released last. */
export const releaseFiles = (root: string): ContractFiles => {
  const read = (path: string) => [path.replace(eventsFolder, releasedFolder), readFileSync(join(root, path), 'utf8')]
  const now = Object.fromEntries(globSync(`${eventsFolder}/*.json`, { cwd: root }).map(read)) as ContractFiles
  const gone = globSync(`${releasedFolder}/*.json`, { cwd: root }).filter((path) => !(path in now))
  return { ...Object.fromEntries(gone.map((path) => [path, undefined])), ...now }
}
