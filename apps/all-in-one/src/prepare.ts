/** Run at set-up: makes the templates of the embedded databases that the services open. Prints their folders, a line each. */
import { eventMigrations } from '@armature/aggregator/event-table'
import { migratedTemplate } from '@armature/database/migrated-template'
import { prepareTemplate } from '@armature/database/template'
import { migrations } from '@armature/search-service/migrations'
import { worldTemplate } from './world.ts'

for (const template of [worldTemplate, migratedTemplate(migrations), migratedTemplate(eventMigrations)])
  process.stdout.write(`${await prepareTemplate(template)}\n`)
