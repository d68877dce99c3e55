import { generator } from '../generator.ts'
import { renameWorkspace } from './renaming.ts'

/** The options of `rename`. */
export interface RenameOptions {
  readonly scope: string
  readonly name: string
  readonly force?: boolean
}

/** Makes the template one's own: gives another scope to its packages and another name to all that carries its name. */
export const rename = generator<RenameOptions>((tree, { scope, name }) => renameWorkspace(tree, scope, name), {
  committed: true,
})
