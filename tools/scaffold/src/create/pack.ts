import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { packFiles } from './archive.ts'
import { templatePaths } from './template-paths.ts'

// Makes the package that `npm create` runs: `node tools/scaffold/src/create/pack.ts [FOLDER]` writes its tarball there (default: dist).

const root = join(import.meta.dirname, '../../../..')

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license: string
}

/** Packs the files of the template that git tracks, as they are in the working tree. Answers the path of the tarball. */
const pack = async (target: string): Promise<string> => {
  const { name, version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
  const staged = mkdtempSync(join(tmpdir(), 'create-'))
  try {
    writeFileSync(join(staged, 'template.json.gz'), packFiles(root, templatePaths(root)))
    await build({
      entryPoints: [join(import.meta.dirname, 'main.ts')],
      outfile: join(staged, 'main.mjs'),
      banner: { js: '#!/usr/bin/env node' },
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      logLevel: 'warning',
    })
    const bin = `create-${name}`
    const manifest = {
      name: bin,
      version,
      license,
      type: 'module',
      bin: { [bin]: 'main.mjs' },
      engines: { node: '>=20' },
    }
    writeFileSync(join(staged, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    writeFileSync(
      join(staged, 'README.md'),
      `# ${bin}\n\n    npm create ${name}@latest my-platform\n\nmakes a platform of services in the folder my-platform.\n`,
    )
    copyFileSync(join(root, 'LICENSE'), join(staged, 'LICENSE'))
    mkdirSync(target, { recursive: true })
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', target]
    const [packed] = JSON.parse(execFileSync('npm', args, { cwd: staged, encoding: 'utf8' })) as { filename: string }[]
    return join(target, packed?.filename ?? '')
  } finally {
    rmSync(staged, { recursive: true, force: true })
  }
}

if (!existsSync(join(root, '.git'))) throw new Error(`${root} is no repository of git: pack from a clone`)
console.log(await pack(resolve(process.argv[2] ?? join(root, 'dist'))))
