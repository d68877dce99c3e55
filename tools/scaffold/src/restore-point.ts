import { cpSync, existsSync, lstatSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Tree } from '@nx/devkit'

/** A state of the workspace that a failure goes back to. */
export interface RestorePoint {
  /** Puts the files back, and removes new ones with the folders that they leave empty. */
  restore(): void
  /** Forgets the state. */
  close(): void
}

/** Keeps copies of what a tree changes or deletes. */
export const createRestorePoint = (tree: Tree): RestorePoint => {
  const copies = mkdtempSync(join(tmpdir(), 'scaffold-'))
  const paths = tree.listChanges().map(({ path }) => path)
  // A folder that is deleted may be one of the changes, and so may files in it.
  for (const path of paths) if (isThere(join(tree.root, path))) copy(join(tree.root, path), join(copies, path))
  const close = () => rmSync(copies, { recursive: true, force: true })
  return {
    restore: () => {
      for (const path of paths)
        if (isThere(join(copies, path))) copy(join(copies, path), join(tree.root, path))
        else removeNew(join(tree.root, path))
      close()
    },
    close,
  }
}

const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined

const copy = (from: string, to: string): void =>
  cpSync(from, to, { recursive: true, force: true, verbatimSymlinks: true })

const removeNew = (path: string): void => {
  rmSync(path, { recursive: true, force: true })
  for (let folder = dirname(path); existsSync(folder) && readdirSync(folder).length === 0; folder = dirname(folder))
    rmdirSync(folder)
}
