import { build, type Metafile } from 'esbuild'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Asset, copyAssets, packageAssets, sourceAssets } from './assets.ts'

/** What an app imports dynamically, and on a laptop only: in no production bundle. */
export const embeddedOnly: readonly string[] = ['@electric-sql/pglite', '@electric-sql/pglite-postgis']

/** Native add-ons that their users do without: hot-shots loads unix-dgram for a Unix socket only. */
const optionalNative = ['unix-dgram']

/** What CommonJS packages expect to find round them, in an ES module. */
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
  /** The size of the code, without its map and assets. */
  readonly bytes: number
  /** The packages that went into it. */
  readonly packages: readonly string[]
  /** Those of them that are imported at the start, not by a dynamic import later. */
  readonly packagesAtStart: readonly string[]
}

/**
 * Bundles `src/main.ts` of an app to one ES module, `main.js`, with its source map and the files that packages read beside
 * themselves. The folder is emptied first; what is then in it needs Node 24 and nothing else.
 */
export const bundle = async (project: string, folder = join(project, 'dist')): Promise<Bundle> => {
  await rm(folder, { recursive: true, force: true })
  const assets: Asset[] = []
  const { metafile } = await build({
    entryPoints: [resolve(project, 'src/main.ts')],
    outfile: resolve(folder, 'main.js'),
    absWorkingDir: resolve(project),
    bundle: true,
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
  const manifest = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as Record<string, unknown>
  const { name, version } = manifest
  await writeFile(join(folder, 'package.json'), `${JSON.stringify({ name, version, type: 'module' }, undefined, 2)}\n`)
  const [, main] = Object.entries(metafile.outputs).find(([path]) => path.endsWith('main.js')) ?? []
  return {
    folder,
    bytes: main?.bytes ?? 0,
    packages: packagesOf(Object.keys(main?.inputs ?? {})),
    packagesAtStart: packagesOf(atStart(metafile, main?.entryPoint ?? '')),
  }
}

/** The files that the entry imports, and those that these import: all but what a dynamic import brings in. */
const atStart = ({ inputs }: Metafile, entry: string): string[] => {
  const reached = new Set([entry])
  for (const path of reached) {
    for (const imported of inputs[path]?.imports ?? []) {
      if (imported.kind !== 'dynamic-import') reached.add(imported.path)
    }
  }
  return [...reached]
}

const packagesOf = (inputs: readonly string[]): string[] => {
  const names = inputs.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [])
  return [...new Set(names)].sort()
}
