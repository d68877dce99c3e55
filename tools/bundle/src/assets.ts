import { cp, readFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { type OnLoadResult, type Plugin } from 'esbuild'

/** A file or folder to be copied, and its place below the bundle's folder. */
export type Asset = { readonly from: string; readonly to: string }

/** Packages that read files by `__dirname`, and the folder of those files in each. */
const readers: Readonly<Record<string, string>> = {
  '@grpc/grpc-js': 'proto',
  '@grpc/reflection': 'build/proto',
  'grpc-health-check': 'proto',
}

/**
 * Gives those packages a `__dirname` of their own below `assets/`, where their files are copied to, in the package's own
 * arrangement. The banner of the bundle declares `__assets`.
 */
export const packageAssets = (found: Asset[]): Plugin => ({
  name: 'package-assets',
  setup: ({ onLoad }) => {
    for (const [name, folder] of Object.entries(readers)) {
      const inside = `${sep}node_modules${sep}${name.replaceAll('/', sep)}${sep}`
      onLoad({ filter: new RegExp(`${inside.replaceAll(/[\\.]/g, '\\$&')}.*\\.c?js$`) }, async ({ path }) => {
        const contents = await readFile(path, 'utf8')
        if (!contents.includes('__dirname')) return { contents, loader: 'js' }
        const root = path.slice(0, path.lastIndexOf(inside) + inside.length)
        add(found, { from: join(root, folder), to: join('assets', name, folder) })
        const place = join(name, relative(root, dirname(path)))
        const own = `var __dirname = __assets + ${JSON.stringify(place)};`
        return { contents: contents.replace(/^(['"]use strict['"];)?/, `$1${own}`), loader: 'js' }
      })
    }
  },
})

/** The one form in which our sources name a file beside them. */
const besideSource = /new URL\(\s*(['"])([^'"]+)\1\s*,\s*import\.meta\.url\s*,?\s*\)/g

/** Copies the files that sources of the workspace name by `new URL('...', import.meta.url)`, and points those URLs at the copies. */
export const sourceAssets = (found: Asset[]): Plugin => ({
  name: 'source-assets',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.ts$/ }, async ({ path }): Promise<OnLoadResult | undefined> => {
      if (path.includes(`${sep}node_modules${sep}`)) return undefined
      const source = await readFile(path, 'utf8')
      const errors: { text: string }[] = []
      const contents = source.replaceAll(besideSource, (_all, _quote, name: string) => {
        const from = resolve(dirname(path), name)
        if (from.endsWith('.ts'))
          errors.push({ text: `${path} names the source ${name} by URL: a bundle has one file of code` })
        // .../libs/database/src/x.ts: the project's name keeps equal file names apart.
        const to = join('assets', basename(dirname(dirname(path))), basename(from))
        add(found, { from, to })
        return `new URL(${JSON.stringify(`./${to.replaceAll(sep, '/')}`)}, import.meta.url)`
      })
      return { contents, loader: 'ts', errors }
    })
  },
})

const add = (assets: Asset[], asset: Asset): void => {
  if (!assets.some(({ to }) => to === asset.to)) assets.push(asset)
}

/** Copies them; rejects with the name of one that is not there. */
export const copyAssets = async (assets: readonly Asset[], folder: string): Promise<void> => {
  for (const { from, to } of assets) await cp(from, join(folder, to), { recursive: true, errorOnExist: true })
}
