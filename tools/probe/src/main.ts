#!/usr/bin/env node
import { runProgram } from '@armature/service/run-program'
import { callsCommand } from './calls-command.ts'
import { reachCommand } from './reach-command.ts'
import { resolveCommand } from './resolve-command.ts'
import { unaryCommand } from './unary-command.ts'

await runProgram({
  name: 'armature-probe',
  summary: 'Looks at a platform from a pod: what it reaches, what names answer with, whether calls fail',
  commands: { calls: callsCommand, reach: reachCommand, resolve: resolveCommand, unary: unaryCommand },
})
