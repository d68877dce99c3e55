import { openDriver } from '@armature/messaging-drivers/open'
import { runProgram } from '@armature/service/run-program'
import { messagingCommands } from '../src/commands.ts'

/** The commands in a process of their own, as tools/cli and the services have them. */
await runProgram({
  name: 'armature',
  summary: 'For tests',
  commands: messagingCommands({ name: 'armature', source: '/armature/test', open: openDriver }),
})
