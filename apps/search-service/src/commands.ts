import type { Command } from '@armature/service/command'
import { doctorCommand } from './doctor-command.ts'
import { importCommand } from './import-command.ts'
import { searchCommand } from './search-command.ts'

/** What `search-service` does beside serving. */
export const commands: Readonly<Record<string, Command>> = {
  search: searchCommand,
  'search doctor': doctorCommand,
  'things import': importCommand,
}
