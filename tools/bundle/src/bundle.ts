import { build, type Metafile } from 'esbuild'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Asset, copyAssets, packageAssets, sourceAssets } from './assets.ts'
import { sbomName, sbomOf } from './sbom.ts'

/** Packages that an app imports dynamically, on a laptop only. No production bundle has them. */
export const embeddedOnly: readonly string[] = ['@electric-sql/pglite', '@electric-sql/pglite-postgis']

/** The licence of this workspace, and so of its projects. */
const ownLicense = 'Apache-2.0'

/** Native add-ons that their users do without: hot-shots loads unix-dgram for a Unix socket only. */
const optionalNative = ['unix-dgram']

/** The names that CommonJS packages expect around them, declared in an ES module. */
const banner = [
  `import { createRequire as __createRequire } from 'node:module'`,
  `import { fileURLToPath as __path } from 'node:url'`,
  `const require = __createRequire(import.meta.url)`,
  `const __filename = __path(import.meta.url)`,
  `const __dirname = __path(new URL('.', import.meta.url))`,
  `const __assets = __path(new URL('./assets/', import.meta.url))`,
].join(';')

export type Bundle = {
  readonly folder: string
  /** The size of the code, without its maps and assets. */
  readonly bytes: number
  /** The size of what is loaded at the start. */
  readonly bytesAtStart: number
  /** The packages that went into it. */
  readonly packages: readonly string[]
  /** Those of them that are imported at the start, not by a dynamic import later. */
  readonly packagesAtStart: readonly string[]
}

/**
 * Bundles `src/main.ts` of an app to `main.js` and, for what it imports dynamically, further ES modules beside it, so that a driver
 * that is not named takes no memory; with source maps and the files that packages read beside themselves. The folder is emptied first;
 * what is then in it needs Node 24 and nothing else.
 */
export const bundle = async (project: string, folder = join(project, 'dist')): Promise<Bundle> => {
  await rm(folder, { recursive: true, force: true })
  const assets: Asset[] = []
  const { metafile } = await build({
    entryPoints: [resolve(project, 'src/main.ts')],
    outdir: resolve(folder),
    absWorkingDir: resolve(project),
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Node's own conditions and no others, so that a bundle has the files that the tests ran.
    conditions: [],
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'linked',
    banner: { js: banner },
    external: [...embeddedOnly, ...optionalNative],
    plugins: [packageAssets(assets), sourceAssets(assets)],
    metafile: true,
    write: true,
    logLevel: 'silent',
  })
  await copyAssets(assets, folder)
  const manifest = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as {
    readonly name: string
    readonly version: string
  }
  const { name, version } = manifest
  await writeFile(join(folder, 'package.json'), `${JSON.stringify({ name, version, type: 'module' }, undefined, 2)}\n`)
  await writeFile(join(folder, sbomName), await sbomOf({ metafile, folder: project, manifest, ownLicense }))
  const code = Object.entries(metafile.outputs).filter(([path]) => path.endsWith('.js'))
  const [entry] = code.find(([, { entryPoint }]) => entryPoint?.endsWith('src/main.ts')) ?? ['']
  const atStart = staticallyReached(metafile, entry)
  const start = code.filter(([path]) => atStart.has(path))
  return {
    folder,
    bytes: bytesOf(code),
    bytesAtStart: bytesOf(start),
    packages: packagesOf(code),
    packagesAtStart: packagesOf(start),
  }
}

type Output = readonly [path: string, output: Metafile['outputs'][string]]

/** The file of the entry and those that it imports: all but what a dynamic import brings in. */
const staticallyReached = ({ outputs }: Metafile, entry: string): ReadonlySet<string> => {
  const reached = new Set([entry])
  for (const path of reached) {
    for (const imported of outputs[path]?.imports ?? []) {
      if (imported.kind === 'import-statement') reached.add(imported.path)
    }
  }
  return reached
}

const bytesOf = (code: readonly Output[]): number => code.reduce((sum, [, { bytes }]) => sum + bytes, 0)

const packagesOf = (code: readonly Output[]): string[] => {
  const inputs = code.flatMap(([, output]) => Object.keys(output.inputs))
  const names = inputs.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [])
  return [...new Set(names)].sort()
}
