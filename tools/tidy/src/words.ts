import { type Tree, type Violation } from './tree.ts'

/** Lines of all texts that match, but for the files that list what is not allowed. */
const lines = (tree: Tree, pattern: RegExp, problem: (found: string) => string, except: RegExp): Violation[] =>
  tree.files
    .filter(({ path }) => !except.test(path))
    .flatMap(({ path, text }) =>
      text.split('\n').flatMap((content, index) => {
        const [found] = pattern.exec(content) ?? []
        return found === undefined ? [] : [{ path, line: index + 1, problem: problem(found) }]
      }),
    )

const ownTexts = /^(tools\/tidy\/|STYLE\.md$|package-lock\.json$)/

export const noOpenEnds = (tree: Tree): Violation[] =>
  lines(
    tree,
    /\b(TODO|FIXME|XXX|HACK)\b/,
    (found) => `${found}: do it, or write down the limit where users read it`,
    ownTexts,
  )

const machinePath = /(?<![\w.~/-])\/(root|home\/\w+|Users\/\w+|work)\/[\w.-]+|[A-Z]:\\Users\\/

export const noMachinePaths = (tree: Tree): Violation[] =>
  lines(tree, machinePath, (found) => `${found} is a path of one machine`, ownTexts)

const registryHost =
  /\b(registry\.npmjs\.org|registry\.yarnpkg\.com|files\.pythonhosted\.org|proxy\.golang\.org|docker\.io|gcr\.io|ghcr\.io|quay\.io|mcr\.microsoft\.com)\b/

/** A Dockerfile names its base in full: in short form another registry could have the name, too. */
const mayNameRegistry = new RegExp(`${ownTexts.source}|(^|/)Dockerfile$`)

export const noRegistryHosts = (tree: Tree): Violation[] => [
  ...lines(tree, registryHost, (found) => `${found}: which registry is used is the user's choice`, mayNameRegistry),
  ...(tree.text('package-lock.json') ?? '').split('\n').flatMap((content, index) =>
    /"resolved": "(https?|git)/.test(content)
      ? [
          {
            path: 'package-lock.json',
            line: index + 1,
            problem: 'names a registry host: npm install with omit-lockfile-registry-resolved',
          },
        ]
      : [],
  ),
]
