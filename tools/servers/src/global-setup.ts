import { randomUUID } from 'node:crypto'
import { supervisorFolderVariable } from './fixture.ts'
import { startBoundSupervisor } from './supervisor-client.ts'
import { runVariable } from './leftovers.ts'
import { skippedServers } from './skip.ts'

/**
 * Vitest's globalSetup of a project whose tests ask for servers: keeps them for this run, and ends them after it. Within `npm test`,
 * which keeps them for all projects, it does nothing.
 */
export const setup = async (): Promise<(() => Promise<void>) | undefined> => {
  skippedServers()
  if (process.env[supervisorFolderVariable] !== undefined) return undefined
  process.env[runVariable] ??= randomUUID()
  const supervisor = await startBoundSupervisor()
  process.env[supervisorFolderVariable] = supervisor.folder
  return async () => {
    delete process.env[supervisorFolderVariable]
    await supervisor.end()
  }
}
