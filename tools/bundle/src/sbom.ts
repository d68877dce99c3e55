import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'

/** The name of the bill of materials in a bundle's folder, as tools look for it. */
export const sbomName = 'sbom.cdx.json'

interface Manifest {
  readonly name: string
  readonly version?: string
  readonly license?: unknown
  readonly licenses?: unknown
}

/** A package with code in the bundle. */
interface Part {
  readonly manifest: Manifest
  readonly ref: string
  /** The refs of the parts that it imports. */
  readonly imports: Set<string>
}

export interface SbomOptions {
  readonly metafile: Metafile
  /** The folder that the paths of the metafile start from. */
  readonly folder: string
  /** The package.json of what was bundled. */
  readonly manifest: { readonly name: string; readonly version: string }
  /** SPDX expression for packages of this workspace, which name none. */
  readonly ownLicense: string
}

/**
 * The bill of materials of a bundle, as CycloneDX 1.6 in JSON: the packages of which code is in it, with version, licence and what they import; no package that was installed and
 * left out. It has no time and no serial number, so that the same bundle has the same one. Rejects where a package names no version.
 */
export const sbomOf = async ({ metafile, folder, manifest, ownLicense }: SbomOptions): Promise<string> => {
  const parts = await partsOf(metafile, folder)
  const refs = [...new Set([...parts.values()].map(({ ref }) => ref))].sort()
  const byRef = new Map([...parts.values()].map((part) => [part.ref, part]))
  const root = purl(manifest.name, manifest.version)
  const known = refs.flatMap((ref) => byRef.get(ref) ?? [])
  const component = (type: 'application' | 'library', { name, version, license, licenses }: Manifest, ref: string) => ({
    ...{ type, 'bom-ref': ref, ...nameOf(name), version, purl: ref },
    licenses: licensesOf(license ?? licenses ?? (isOurs(name) ? ownLicense : undefined)),
  })
  const bom = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: component('application', manifest, root) },
    components: known.filter(({ ref }) => ref !== root).map(({ manifest: one, ref }) => component('library', one, ref)),
    dependencies: known.map(({ ref, imports }) => ({ ref, dependsOn: [...imports].sort() })),
  }
  return `${JSON.stringify(bom, undefined, 2)}\n`
}

/** Ours have no owner on a registry: they come from this workspace. */
const isOurs = (name: string): boolean => name.startsWith('@armature/')

/** `@scope/name` has the scope as its group. */
const nameOf = (name: string): { readonly group?: string; readonly name: string } => {
  const [, group, rest] = /^(@[^/]+)\/(.+)$/.exec(name) ?? []
  return group === undefined || rest === undefined ? { name } : { group, name: rest }
}

/** The package URL, as https://github.com/package-url/purl-spec writes those of npm. */
const purl = (name: string, version: string): string =>
  `pkg:npm/${name.split('/').map(encodeURIComponent).join('/')}@${encodeURIComponent(version)}`

const identifier = /^[\w.+-]+$/

/** One identifier of SPDX, an expression of several, or a name for what is neither. */
const licensesOf = (license: unknown): readonly object[] => {
  if (Array.isArray(license)) return license.flatMap(licensesOf)
  if (typeof license === 'object' && license !== null) return licensesOf((license as { readonly type?: unknown }).type)
  if (typeof license !== 'string' || license === '') return []
  if (identifier.test(license) && license !== 'UNLICENSED') return [{ license: { id: license } }]
  return /^\(?[\w.+-]+( (OR|AND|WITH) \(?[\w.+-]+\)?)+\)?$/.test(license)
    ? [{ expression: license }]
    : [{ license: { name: license } }]
}

/** The packages of which an output has bytes, by their folder. */
const partsOf = async (metafile: Metafile, folder: string): Promise<ReadonlyMap<string, Part>> => {
  const inputs = Object.values(metafile.outputs).flatMap(({ inputs: own }) => Object.entries(own))
  const paths = new Set(inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path))
  const parts = new Map<string, Part>()
  for (const home of new Set([...paths].map(homeOf))) {
    const manifest = JSON.parse(await readFile(join(folder, home, 'package.json'), 'utf8')) as Manifest
    if (typeof manifest.version !== 'string') throw new Error(`${home}/package.json names no version`)
    parts.set(home, { manifest, ref: purl(manifest.name, manifest.version), imports: new Set() })
  }
  for (const path of paths) {
    const from = parts.get(homeOf(path))
    for (const imported of metafile.inputs[path]?.imports ?? []) {
      const to = paths.has(imported.path) ? parts.get(homeOf(imported.path)) : undefined
      if (from !== undefined && to !== undefined && from.ref !== to.ref) from.imports.add(to.ref)
    }
  }
  return parts
}

/** The folder of the package.json of a source: that of its package, or of its project in this workspace. */
const homeOf = (path: string): string => {
  const inPackage = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]
  return inPackage ?? (/^(.*?)\/?src\//.exec(path)?.[1] || '.')
}
