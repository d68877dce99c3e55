import { run } from '@armature/service/run'
import { commands } from './commands.ts'
import { settings } from './config.ts'
import { reactor } from './service.ts'

await run({ name: 'reactor', settings, service: (config) => reactor(config), commands: commands() })
