#!/usr/bin/env node
import { runProgram } from '@armature/service/run-program'
import { doctorCommand } from './doctor-command.ts'
import { findCommand } from './find-command.ts'
import { importCommand } from './import-command.ts'

await runProgram({
  name: 'armature-search',
  summary: 'Asks a running search-service, examines its instances, and adds things to its database',
  commands: { find: findCommand, doctor: doctorCommand, import: importCommand },
})
