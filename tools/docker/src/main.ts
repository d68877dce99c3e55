import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bundledProject, workspace } from '@armature/bundle/projects'
import { type EngineName, engineNames, findEngine } from './engine.ts'
import { buildImage } from './image.ts'
import { originOf } from './origin.ts'

// nx run <project>:image: `node tools/docker/src/main.ts NAME [--engine docker|buildah] [--base IMAGE]`.
const usage = 64

const asked = () => {
  const options = { engine: { type: 'string' }, base: { type: 'string' } } as const
  const { values, positionals } = parseArgs({ allowPositionals: true, options })
  const { engine, base } = values
  if (engine !== undefined && !engineNames.includes(engine as EngineName))
    throw new Error(`--engine ${engine} is not known. Give one of ${engineNames.join(', ')}.`)
  if (positionals.length > 1) throw new Error(`Give one project, not ${positionals.join(' ')}.`)
  return { project: bundledProject(positionals[0]), engineName: engine as EngineName | undefined, base }
}

const attempt = <T>(what: () => T): T | undefined => {
  try {
    return what()
  } catch (fault) {
    console.error((fault as Error).message)
    process.exitCode = usage
    return undefined
  }
}

const given = attempt(asked)
if (given !== undefined) {
  const { license, repository } = JSON.parse(readFileSync(join(workspace, 'package.json'), 'utf8')) as {
    readonly license: string
    readonly repository?: string
  }
  try {
    const [engine, origin] = [await findEngine(given.engineName), await originOf(workspace, repository)]
    const { tag, id } = await buildImage(given.project, { ...{ root: workspace, engine, origin, license }, ...given })
    console.log(`${tag} ${id} built by ${engine.name}`)
  } catch (fault) {
    console.error((fault as Error).message)
    process.exitCode = 1
  }
}
