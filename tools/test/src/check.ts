import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { closing, succeeded } from './tally.ts'

// npm run check: all that CI asks beside the tests, one after the other; names of steps as arguments choose some of them.
const root = join(import.meta.dirname, '../../..')
/** The folders of protos, of all projects. */
const protos = globSync('{apps,libs,tools,examples}/*/proto/buf.yaml', { cwd: root }).map(dirname)

type Command = readonly string[]
const steps: Record<string, readonly Command[]> = {
  format: [['prettier', '--check', '.']],
  references: [['nx', 'sync:check']],
  // In two parts: with the types of all projects at once it is near the limit of Node's heap.
  lint: [
    ['eslint', '.', '--max-warnings=0', '--ignore-pattern', 'tools/**'],
    ['eslint', 'tools', '--max-warnings=0'],
  ],
  protos: protos.map((folder) => ['buf', 'lint', folder]),
  contract: [['nx', 'run-many', '-t', 'contract', '--output-style=static']],
  types: [['nx', 'run-many', '-t', 'typecheck', '--output-style=static']],
  build: [['nx', 'run-many', '-t', 'build', '--output-style=static']],
  tidy: [['vitest', 'run', '--root=tools/tidy', 'test/tree.test.ts']],
}

const chosen = process.argv.slice(2)
const unknown = chosen.filter((name) => !(name in steps))
if (unknown.length > 0) {
  console.error(`No such step: ${unknown.join(', ')}. The steps are ${Object.keys(steps).join(', ')}.`)
  process.exit(64)
}

/** Set by Ctrl-C, which the step under way gets from the terminal as well. */
let interrupted = false
const env = {
  ...process.env,
  PATH: [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
  NX_DAEMON: 'false',
}

const run = ([command = '', ...args]: Command): Promise<boolean> =>
  new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] })
    const forward = (signal: NodeJS.Signals) => {
      interrupted = true
      child.kill(signal)
    }
    process.on('SIGINT', forward)
    process.on('SIGTERM', forward)
    const settle = (passed: boolean) => {
      process.off('SIGINT', forward)
      process.off('SIGTERM', forward)
      resolve(passed)
    }
    child.once('error', () => settle(false))
    child.once('close', (code) => settle(code === 0))
  })

const failed: string[] = []
let passed = 0
for (const [name, commands] of Object.entries(steps)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  const start = Date.now()
  let good = true
  for (const command of commands) {
    if (interrupted) break
    console.log(`\n== ${name}: ${command.join(' ')}`)
    good = (await run(command)) && good
  }
  if (interrupted && good) failed.push(`${name} (interrupted)`)
  if (commands.length === 0) console.log(`\n== ${name}: nothing to check`)
  if (interrupted || commands.length === 0) continue
  console.log(`== ${name}: ${good ? 'passed' : 'FAILED'} in ${((Date.now() - start) / 1000).toFixed(1)} s`)
  if (good) passed += 1
  else failed.push(name)
}
const tally = { passed, failed, skipped: [] }
console.log(`\n${closing(tally).join('\n')}`)
process.exitCode = succeeded(tally) ? 0 : 1
