import type { Tree } from '@nx/devkit'
import { FsTree } from '@nx/devkit/internal'
import { filesOf, readRecord, writeRecord } from '../record.ts'
import { serviceSpec } from '../service/spec.ts'
import { templateFiles } from '../service/write-service.ts'
import { mergeText } from './merge-text.ts'

/** What an update did to the files of one service, by path. */
export interface Merged {
  readonly name: string
  /** The template's change is in, beside the user's edits. */
  readonly changed: readonly string[]
  /** Both changed the same lines: the file has conflict markers. */
  readonly conflicts: readonly string[]
  /** Left alone, each with the reason. */
  readonly kept: readonly string[]
}

/**
 * Merges into a service what the template changed since it was recorded. The base is the recorded output of the template, the other side is its
 * output of today. Nothing is changed where these are the same.
 */
export const mergeService = async (tree: Tree, name: string): Promise<Merged> => {
  const record = readRecord(tree, name)
  if (record === undefined) throw new Error(`apps/${name} has no record of its template`)
  const base = filesOf(record)
  const today = await templateFiles(new FsTree(tree.root, false), serviceSpec(record.options))
  const merged = { name, changed: [] as string[], conflicts: [] as string[], kept: [] as string[] }
  for (const path of new Set([...base.keys(), ...today.keys()])) {
    const [was, is] = [base.get(path), today.get(path)]
    if (was !== is) mergeFile(tree, { path, was, is }, merged)
  }
  if (merged.changed.length + merged.conflicts.length + merged.kept.length > 0) writeRecord(tree, record.options, today)
  return merged
}

interface Change {
  readonly path: string
  /** In the recorded template; undefined: it had no such file. */
  readonly was: string | undefined
  /** In the template of today. */
  readonly is: string | undefined
}

type Lists = Readonly<{ [list in 'changed' | 'conflicts' | 'kept']: string[] }>

const mergeFile = (tree: Tree, { path, was, is }: Change, lists: Lists): void => {
  const own = tree.read(path, 'utf8') ?? undefined
  if (own === is) return
  if (is === undefined) {
    if (own !== was) lists.kept.push(`${path}: the template no longer has it, and it was edited`)
    else {
      tree.delete(path)
      lists.changed.push(path)
    }
  } else if (own === undefined && was !== undefined) lists.kept.push(`${path}: it was deleted here`)
  else if (own === undefined) {
    tree.write(path, is)
    lists.changed.push(path)
  } else {
    const { text, conflicts } = mergeText({ own, base: was ?? '', other: is })
    tree.write(path, text)
    lists[conflicts === 0 ? 'changed' : 'conflicts'].push(path)
  }
}
