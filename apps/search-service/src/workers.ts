import { randomUUID } from 'node:crypto'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { workerPool } from '@armature/service/grpc-workers'
import { registered } from '@armature/service/registered'
import type { Service } from '@armature/service/service'
import { createTelemetry } from '@armature/telemetry/telemetry'
import type { Config } from './config.ts'
import { realEdges, registrarOf, searchService } from './service.ts'

const name = 'search-service'

const inThisProcess = (config: Config) => searchService(config, realEdges(config))

/** One of the worker processes. They share a port, which the process that started them registers once in Consul. */
export const searchWorker = (config: Config) => inThisProcess({ ...config, consulRegister: false })

/** The service in this process, or in as many as `workers` says. Throws ServiceError where these could not share a database. */
export const searchServiceOf = (config: Config): Service => {
  const { workers } = config
  if (workers === 1) return inThisProcess(config)
  if (config.databaseUrl.startsWith('embedded:')) {
    throw new ServiceError('each worker would have an embedded database of its own', {
      exitCode: exitCodes.config,
      fix: 'Set DATABASE_URL to postgres://USER:PASSWORD@HOST:PORT/NAME, or --workers to 1',
    })
  }
  const waitsFor = 'waits for gRPC calls; things are in the database that DATABASE_URL names'
  const telemetry = createTelemetry({ service: name, config })
  const registrar = registrarOf(config, telemetry)
  const pool = workerPool({ name, config, workers, telemetry, waitsFor })
  const port = () => Number(/\d+$/.exec(pool.addresses?.()[0]?.address ?? '')?.[0])
  const register = () =>
    registrar?.register({ id: `${name}-${randomUUID()}`, service: name, host: config.grpcHost, port: port() })
  return { ...pool, ...registered(pool, register) }
}
