import type { Tree } from '@nx/devkit'
import { generator } from '../generator.ts'
import { recordedServices } from '../record.ts'
import { Refusal } from '../refusal.ts'
import { compileProto } from '../service/compile-proto.ts'
import { writeTables } from '../tables.ts'
import { mergeService, type Merged } from './merge-service.ts'

/** The options of `update`. */
export interface UpdateOptions {
  /** Default: all services that a generator made. */
  readonly name?: string
  readonly force?: boolean
}

/** Brings what the template changed into the services that were made of it, and keeps the edits of their teams. */
export const update = generator<UpdateOptions>(
  async (tree, { name }) => {
    const merged: Merged[] = []
    for (const each of chosen(tree, name)) merged.push(await mergeService(tree, each))
    const hasConflicts = merged.some(({ conflicts }) => conflicts.length > 0)
    if (!hasConflicts) await derive(tree, merged)
    return {
      notes: [
        ...merged.flatMap(notesOf),
        ...(hasConflicts
          ? ['Resolve the conflicts, then run npm run tables, and npm run proto where a proto changed.']
          : []),
      ],
    }
  },
  { committed: true },
)

const chosen = (tree: Tree, name: string | undefined): readonly string[] => {
  const recorded = recordedServices(tree)
  if (name === undefined) return recorded
  if (recorded.includes(name)) return [name]
  throw new Refusal(
    tree.exists(`apps/${name}`) ? `apps/${name} was made by no generator` : `There is no service "${name}"`,
    recorded.length === 0 ? 'No service here was' : `Those that were: ${recorded.join(', ')}`,
  )
}

/** What follows from the merged files. */
const derive = async (tree: Tree, merged: readonly Merged[]): Promise<void> => {
  for (const { name, changed } of merged)
    if (changed.some((path) => path.endsWith('.proto'))) await compileProto(tree, `apps/${name}`, `proto/${name}.binpb`)
  if (merged.some(({ changed }) => changed.length > 0)) await writeTables(tree)
}

const notesOf = ({ name, changed, conflicts, kept }: Merged): string[] => {
  if (changed.length + conflicts.length + kept.length === 0)
    return [`${name}: is as its template makes it, with your edits.`]
  return [
    `${name}: ${changed.length} files merged, ${conflicts.length} with conflicts, ${kept.length} left alone.`,
    ...conflicts.map((path) => `  conflict in ${path}`),
    ...kept.map((reason) => `  left alone ${reason}`),
  ]
}
