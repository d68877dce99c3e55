import { run } from '@armature/service/run'
import { settings } from './config.ts'
import { searchCommand } from './search-command.ts'
import { searchService } from './service.ts'

const commands = { search: searchCommand }
await run({ name: 'search-service', settings, service: (config) => searchService(config), commands })
