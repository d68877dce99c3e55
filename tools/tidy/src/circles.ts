import { posix } from 'node:path'
import { importsOf } from './code.ts'
import { sourcesOf, type File, type Tree, type Violation } from './tree.ts'

type Edge = { readonly to: string; readonly line: number }

/** No file imports itself by way of others: not at run time, not for a type, not by `import()`. One violation a group of files that import each other. */
export const noCircles = (tree: Tree): Violation[] => {
  const sources = sourcesOf(tree)
  const known = new Set(sources.map(({ path }) => path))
  const edges = new Map(sources.map((file) => [file.path, edgesOf(file, known)]))
  const reported = new Set<string>()
  return sources.flatMap(({ path }) => {
    if (reported.has(path)) return []
    const circle = shortestCircle(path, edges)
    if (circle === undefined) return []
    for (const one of groupOf(path, edges)) reported.add(one)
    const line = edges.get(path)?.find(({ to }) => to === circle[1])?.line
    return [{ path, ...(line === undefined ? {} : { line }), problem: `imports itself: ${circle.join(' -> ')}` }]
  })
}

const edgesOf = (file: File, known: ReadonlySet<string>): Edge[] =>
  importsOf(file).flatMap(({ name, line }) =>
    filesOf(file.path, name)
      .filter((to) => known.has(to))
      .map((to) => ({ to, line })),
  )

/** The files that an import may name: by its path, or by `@armature/<project>/<file>`. */
const filesOf = (from: string, name: string): string[] => {
  if (name.startsWith('.')) return [posix.join(posix.dirname(from), name)]
  const [, project, file] = /^@armature\/([^/]+)\/(.+)$/.exec(name) ?? []
  return project === undefined ? [] : ['libs', 'apps', 'tools'].map((kind) => `${kind}/${project}/src/${file}.ts`)
}

/** The files of the shortest way from a file back to itself, or undefined. */
const shortestCircle = (start: string, edges: ReadonlyMap<string, readonly Edge[]>): string[] | undefined => {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const { to } of edges.get(at) ?? []) {
      if (to === start) return [...wayTo(at, cameFrom), start]
      if (cameFrom.has(to)) continue
      cameFrom.set(to, at)
      queue.push(to)
    }
  }
  return undefined
}

const wayTo = (end: string, cameFrom: ReadonlyMap<string, string>): string[] => {
  const way = [end]
  for (let at = cameFrom.get(end); at !== undefined; at = cameFrom.get(at)) way.unshift(at)
  return way
}

/** The files that a file reaches and that reach it. */
const groupOf = (start: string, edges: ReadonlyMap<string, readonly Edge[]>): string[] =>
  [...reachOf(start, edges)].filter((path) => reachOf(path, edges).has(start))

const reachOf = (start: string, edges: ReadonlyMap<string, readonly Edge[]>): Set<string> => {
  const seen = new Set<string>([start])
  for (const at of seen) for (const { to } of edges.get(at) ?? []) seen.add(to)
  return seen
}
