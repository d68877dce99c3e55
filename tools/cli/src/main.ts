#!/usr/bin/env node
import { openDriver } from '@armature/messaging-drivers/open'
import { messagingCommands } from '@armature/messaging-commands/commands'
import { runProgram } from '@armature/service/run-program'
import { clusterDoctorCommand } from './doctor-command.ts'
import { secretCommands } from './secret-commands.ts'
import { smokeTestCommand } from './smoke-test-command.ts'

await runProgram({
  name: 'armature',
  summary: 'Looks into the topics of a broker, publishes to them, puts dead letters right, and helps an installation',
  commands: {
    ...messagingCommands({ name: 'armature', source: '/armature/cli', open: openDriver }),
    doctor: clusterDoctorCommand,
    ...secretCommands,
    'smoke-test': smokeTestCommand,
  },
})
