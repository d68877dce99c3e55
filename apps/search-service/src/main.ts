import cluster from 'node:cluster'
import { runWorker } from '@armature/service/grpc-worker'
import { run } from '@armature/service/run'
import { type Config, settings } from './config.ts'
import { commands } from './commands.ts'
import { searchService } from './service.ts'
import { searchServiceOf } from './workers.ts'

if (cluster.isWorker) await runWorker((config: Config) => searchService(config))
else await run({ name: 'search-service', settings, service: searchServiceOf, commands })
