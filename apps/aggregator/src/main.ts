import { run } from '@armature/service/run'
import { settings } from './config.ts'
import { aggregator } from './service.ts'

await run({ name: 'aggregator', settings, service: (config) => aggregator(config) })
