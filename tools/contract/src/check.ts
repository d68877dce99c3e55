import { basename } from 'node:path'
import { breaks } from './breaks.ts'
import { contractFiles, drift, releasedRecords } from './contract-files.ts'
import { readDeclared } from './declared.ts'
import { eventRecords } from './event-record.ts'
import { protoBreaks } from './protos.ts'

/** The problems of the contracts of a project (`apps/reactor`), or of all. */
export const checkContracts = async (root: string, project?: string): Promise<readonly string[]> => {
  const problems = protoBreaks(root, project) ?? []
  if (project !== undefined && !project.startsWith('apps/')) return problems
  const services = await readDeclared(root)
  const files = drift(root, await contractFiles(root, services)).map(
    (path) => `${path} is not what the code says: run npm run tables`,
  )
  const names = services.map(({ service }) => service)
  const concerns = (service: string) => project === undefined || basename(project) === service
  const broken = breaks(eventRecords(services), releasedRecords(root), names)
    .filter(({ service, consumer }) => concerns(service) || concerns(consumer.split('/', 1)[0] ?? ''))
    .map(
      ({ event, service, consumer, problem, when }) =>
        `the event ${event} of ${service} breaks ${consumer}, ${when}: ${problem}`,
    )
  return [...problems, ...files, ...broken]
}
