import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, globSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The folders of protos of which something was released: clients of it exist. */
const releasedProtos = (root: string, project = '*/*'): readonly string[] =>
  globSync(`${project}/proto/released.binpb`, { cwd: root }).map(dirname)

const imageOf = (folder: string): string | undefined =>
  globSync('*.binpb', { cwd: folder }).find((name) => name !== 'released.binpb')

/** How the protos of a project break what was released, by `buf breaking`; without a project those of all. Undefined: it has none. */
export const protoBreaks = (root: string, project?: string): readonly string[] | undefined => {
  const folders = releasedProtos(root, project)
  if (folders.length === 0) return undefined
  return folders.flatMap((folder) => {
    const { status, stdout, stderr, error } = spawnSync(
      join(root, 'node_modules/.bin/buf'),
      ['breaking', folder, '--against', `${folder}/released.binpb`],
      { cwd: root, encoding: 'utf8' },
    )
    if (error !== undefined) throw new Error(`buf cannot be run: ${error.message}`)
    if (status === 0) return []
    const lines = `${stdout}${stderr}`.split('\n').filter((line) => line !== '')
    return lines.length > 0 ? lines : [`${folder}: buf ended with ${status}`]
  })
}

/** Makes the compiled protos of each project what was released last. Returns the paths. */
export const releaseProtos = (root: string): readonly string[] =>
  releasedProtos(root).flatMap((folder) => {
    const image = imageOf(join(root, folder))
    if (image === undefined || !existsSync(join(root, folder, image))) return []
    copyFileSync(join(root, folder, image), join(root, folder, 'released.binpb'))
    return [`${folder}/released.binpb`]
  })
