import { run } from '@armature/service/run'
import { settings } from './config.ts'
import { allInOne } from './service.ts'

await run({ name: 'all-in-one', settings, service: (config) => allInOne(config), announce: 'stdout' })
