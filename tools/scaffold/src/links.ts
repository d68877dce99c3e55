import { lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The target of each symbolic link by its path from the root of the workspace; undefined for a link to be removed. */
export type Links = Readonly<Record<string, string | undefined>>

/**
 * Makes and removes links. A link that is as it should be stays. Throws where something else has its place; then all links are as they were.
 */
export const changeLinks = (root: string, links: Links): void => {
  const undo: (() => void)[] = []
  try {
    for (const [path, target] of Object.entries(links)) changeLink(join(root, path), target, undo)
  } catch (error) {
    for (const step of undo.reverse()) step()
    throw error
  }
}

const changeLink = (place: string, target: string | undefined, undo: (() => void)[]): void => {
  const known = linkAt(place)
  if (known === target) return
  if (known !== undefined) {
    rmSync(place)
    undo.push(() => symlinkSync(known, place))
  }
  if (target === undefined) return
  const made = mkdirSync(dirname(place), { recursive: true })
  if (made !== undefined) undo.push(() => rmSync(made, { recursive: true }))
  symlinkSync(target, place)
  undo.push(() => rmSync(place))
}

/** The target of the link at a place; undefined where there is nothing. Throws where a file or folder is there. */
const linkAt = (place: string): string | undefined => {
  const stat = lstatSync(place, { throwIfNoEntry: false })
  if (stat === undefined) return undefined
  if (!stat.isSymbolicLink()) throw new Error(`${place} is no link: move it away`)
  return readlinkSync(place)
}
