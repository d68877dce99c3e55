import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { checkContracts } from './check.ts'
import { contractFiles, releaseFiles, writeFiles } from './contract-files.ts'
import { readDeclared } from './declared.ts'
import { releaseProtos } from './protos.ts'

const root = join(import.meta.dirname, '../../..')
const usage = `usage: contract check [PROJECT]   what breaks a consumer or a client, or is not what the code says
       contract write             writes contracts/ and the diagram in README.md from the code
       contract release           makes the contracts of today those of the last release
`
const exitCodes = { ok: 0, failed: 1, usage: 64 } as const

const check = async (project: string | undefined): Promise<number> => {
  if (project !== undefined && !existsSync(join(root, project, 'package.json'))) {
    console.error(`There is no project ${project}: name its folder, such as apps/reactor.`)
    return exitCodes.usage
  }
  const problems = await checkContracts(root, project)
  for (const problem of problems) console.error(problem)
  if (problems.length > 0) console.error('tools/contract/README.md says how an event or a proto may change.')
  return problems.length === 0 ? exitCodes.ok : exitCodes.failed
}

const write = async (): Promise<number> => {
  for (const path of writeFiles(root, await contractFiles(root, await readDeclared(root)))) console.log(path)
  return exitCodes.ok
}

const release = async (): Promise<number> => {
  await write()
  for (const path of [...writeFiles(root, releaseFiles(root)), ...releaseProtos(root)]) console.log(path)
  return exitCodes.ok
}

const [command, project, ...more] = process.argv.slice(2)
const commands: Readonly<Record<string, () => Promise<number>>> = {
  check: () => check(project),
  ...(project === undefined && { write, release }),
}
const run = command === undefined || more.length > 0 ? undefined : commands[command]
if (run === undefined) {
  console.error(usage)
  process.exitCode = exitCodes.usage
} else {
  try {
    process.exitCode = await run()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = exitCodes.failed
  }
}
