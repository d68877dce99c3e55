import { randomUUID } from 'node:crypto'
import { keeperFolderVariable } from './fixture.ts'
import { startBoundKeeper } from './keeper-client.ts'
import { runVariable } from './leftovers.ts'
import { skippedServers } from './skip.ts'

/**
 * Vitest's globalSetup of a project whose tests ask for servers: keeps them for this run, and ends them after it. Within `npm test`,
 * which keeps them for all projects, it does nothing.
 */
export const setup = async (): Promise<(() => Promise<void>) | undefined> => {
  skippedServers()
  if (process.env[keeperFolderVariable] !== undefined) return undefined
  process.env[runVariable] ??= randomUUID()
  const keeper = await startBoundKeeper()
  process.env[keeperFolderVariable] = keeper.folder
  return async () => {
    delete process.env[keeperFolderVariable]
    await keeper.end()
  }
}
