import { run } from '@armature/service/run'
import { settings } from './config.ts'
import { importCommand } from './import-command.ts'
import { searchCommand } from './search-command.ts'
import { searchService } from './service.ts'

const commands = { search: searchCommand, 'things import': importCommand }
await run({ name: 'search-service', settings, service: (config) => searchService(config), commands })
