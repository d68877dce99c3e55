#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { EnvError, exitCodes } from './exit-codes.ts'
import { parseArguments, usage } from './flags.ts'
import { runCommand } from './program.ts'

const say = (line: string): void => void process.stderr.write(`armature-env: ${line}\n`)
const version = (): string => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

try {
  const asked = parseArguments(process.argv.slice(2))
  if (asked.kind === 'help') process.stdout.write(usage)
  else if (asked.kind === 'version') process.stdout.write(`armature-env ${version()}\n`)
  else process.exitCode = await runCommand(asked.options, process.env, say)
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = error instanceof EnvError ? error.exitCode : exitCodes.error
}
