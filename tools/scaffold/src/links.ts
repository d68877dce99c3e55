import { lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The target of each symbolic link by its path from the root of the workspace; undefined for a link to be removed. */
export type Links = Readonly<Record<string, string | undefined>>

/** Makes and removes links. A link that is as it should be stays. Throws where something else has its place. */
export const changeLinks = (root: string, links: Links): void => {
  for (const [path, target] of Object.entries(links)) {
    const place = join(root, path)
    const known = linkAt(place)
    if (known === target) continue
    if (known !== undefined) rmSync(place)
    if (target === undefined) continue
    mkdirSync(dirname(place), { recursive: true })
    symlinkSync(target, place)
  }
}

/** The target of the link at a place; undefined where there is nothing. Throws where a file or folder is there. */
const linkAt = (place: string): string | undefined => {
  const stat = lstatSync(place, { throwIfNoEntry: false })
  if (stat === undefined) return undefined
  if (!stat.isSymbolicLink()) throw new Error(`${place} is no link: move it away`)
  return readlinkSync(place)
}
