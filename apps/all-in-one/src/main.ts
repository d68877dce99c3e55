import { run } from '@armature/service/run'
import { type Config, settings } from './config.ts'
import { allInOne, realEdges } from './service.ts'

const service = (config: Config) => allInOne(config, realEdges(config))
await run({ name: 'all-in-one', settings, service, announce: 'stdout' })
