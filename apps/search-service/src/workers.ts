import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { workerPool } from '@armature/service/grpc-workers'
import type { Service } from '@armature/service/service'
import { openTelemetry } from '@armature/telemetry/telemetry'
import type { Config } from './config.ts'
import { searchService } from './service.ts'

/** The service in this process, or in as many as `workers` says. Throws ServiceError where these could not share a database. */
export const searchServiceOf = (config: Config): Service => {
  const { workers } = config
  if (workers === 1) return searchService(config)
  if (config.databaseUrl.startsWith('embedded:')) {
    throw new ServiceError('each worker would have an embedded database of its own', {
      exitCode: exitCodes.config,
      fix: 'Set DATABASE_URL to postgres://USER:PASSWORD@HOST:PORT/NAME, or --workers to 1',
    })
  }
  const waitsFor = 'waits for gRPC calls; things are in the database that DATABASE_URL names'
  return workerPool({
    name: 'search-service',
    config,
    workers,
    telemetry: openTelemetry({ service: 'search-service', config }),
    waitsFor,
  })
}
