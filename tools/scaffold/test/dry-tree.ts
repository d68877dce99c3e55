import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Tree } from '@nx/devkit'
import { FsTree } from '@nx/devkit/internal'
import { exampleServices } from '../src/begin/choices.ts'

/** The root of this workspace. */
export const root = join(import.meta.dirname, '../../..')

/** The services of the template that are in this workspace. */
export const services: readonly string[] = exampleServices.filter((name) => existsSync(join(root, 'apps', name)))

/** Whether all five are here: some tests are about what generators do to them. */
export const isWhole = services.length === exampleServices.length

/** A tree over this workspace, whose changes stay in memory. */
export const dryTree = (): Tree => new FsTree(root, false)

/** What a generator changed, as Nx prints it. */
export const changesOf = (tree: Tree): string[] => tree.listChanges().map(({ type, path }) => `${type} ${path}`)

/** Writes the changes, as Nx does after a generator. */
export const flush = (tree: Tree): void => {
  for (const { type, path, content } of tree.listChanges()) {
    const file = join(tree.root, path)
    if (type === 'DELETE') rmSync(file, { recursive: true, force: true })
    else {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, content ?? '')
    }
  }
}
