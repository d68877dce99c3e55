import { run } from '@armature/service/run'
import { commands } from './commands.ts'
import { settings } from './config.ts'
import { alertMonitor } from './service.ts'

await run({ name: 'alert-monitor', settings, service: (config) => alertMonitor(config), commands: commands() })
