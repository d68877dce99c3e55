import { preparePostgis } from './template.ts'

// Run at set-up: makes the base template when it is missing and prints its folder.
process.stdout.write(`${await preparePostgis()}\n`)
