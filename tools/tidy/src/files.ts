import { below, isTest, projectsOf, sourcesOf, type Tree, type Violation } from './tree.ts'

export const maxLines = 300
export const maxMainLines = 10

/** Names that tools and readers expect as they are. */
const givenNames =
  /^(README|ARCHITECTURE|CHANGELOG|CONTRIBUTING|METRICS|OPERATING|SETTINGS|STYLE)\.md$|^(LICENSE|NOTICE|CODEOWNERS|Dockerfile|Chart\.yaml|NOTES\.txt)$|^Dockerfile\.dockerignore$|^_[a-z-]+\.tpl$/
const kebabCase = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/

export const kebabCaseNames = (tree: Tree): Violation[] => {
  const seen = new Set<string>()
  return tree.files.flatMap(({ path }) => {
    const names = path.split('/')
    return names.flatMap((name, depth) => {
      const place = names.slice(0, depth + 1).join('/')
      if (seen.has(place)) return []
      seen.add(place)
      return kebabCase.test(name) || givenNames.test(name)
        ? []
        : [{ path: place, problem: 'the name is not in kebab-case: lower-case words with hyphens' }]
    })
  })
}

const lineCount = (text: string): number => text.replace(/\n$/, '').split('\n').length

export const shortFiles = (tree: Tree): Violation[] =>
  tree.files
    .filter(({ path }) => /\.(ts|mts|js|mjs|cjs)$/.test(path) && !/\.generated\./.test(path))
    .filter(({ text }) => lineCount(text) > maxLines)
    .map(({ path, text }) => ({
      path,
      problem: `${lineCount(text)} lines, ${maxLines} are allowed: what else does it do?`,
    }))

export const shortMain = (tree: Tree): Violation[] =>
  tree.files
    .filter(({ path }) => /^apps\/[^/]+\/src\/main\.ts$/.test(path))
    .map(({ path, text }) => ({ path, text: text.replace(/^#!.*\n/, '') }))
    .filter(({ text }) => lineCount(text) > maxMainLines)
    .map(({ path, text }) => ({
      path,
      problem: `${lineCount(text)} lines, ${maxMainLines} are allowed: move the rest to service.ts`,
    }))

const ofEachProject = ['README.md', 'package.json', 'tsconfig.json', 'vitest.config.ts']
const ofEachApp = ['src/main.ts', 'src/config.ts', 'src/service.ts']

export const projectShape = (tree: Tree): Violation[] =>
  projectsOf(tree).flatMap((project) => {
    const expected = [...ofEachProject, ...(project.startsWith('apps/') ? ofEachApp : [])]
    const missing = expected
      .filter((name) => tree.text(`${project}/${name}`) === undefined)
      .map((name) => ({ path: `${project}/${name}`, problem: `is missing: every ${kindOf(project)} has one` }))
    const tested = below(tree, project).some(({ path }) => /\.test\.ts$/.test(path))
    const own = below(tree, project).find(({ path }) => path.endsWith('/project.json'))
    return [
      ...missing,
      ...(tested ? [] : [{ path: project, problem: 'has no test' }]),
      ...(own === undefined ? [] : [{ path: own.path, problem: 'targets are inferred or stand in package.json' }]),
    ]
  })

const kindOf = (project: string): string => (project.startsWith('apps/') ? 'app' : 'project')

/** An app has a folder a job, and readers put handlers of their own into one; Nx expects a folder for each generator. */
const allowedFolder = /^apps\/[^/]+\/src\/[^/]+$|^tools\/scaffold\/src\//

export const flatSources = (tree: Tree): Violation[] => {
  const folders = tree.files.flatMap(({ path }) => /^([^/]+\/[^/]+\/src(?:\/[^/]+)+)\//.exec(path)?.[1] ?? [])
  return [...new Set(folders)]
    .filter((path) => !allowedFolder.test(path))
    .map((path) => ({
      path,
      problem: 'a folder in src: name its files by what they do and put them beside the others',
    }))
}

export const noBarrels = (tree: Tree): Violation[] =>
  sourcesOf(tree)
    .filter(({ path }) => /\/index\.ts$/.test(path))
    .map(({ path }) => ({ path, problem: 'an index file: import the file that has it' }))

export const testsBesideSources = (tree: Tree): Violation[] =>
  tree.files
    .filter(
      ({ path }) => /\.(spec|tests)\.[a-z]+$|\/__tests__\//.test(path) || (/\.test\.ts$/.test(path) && !isPlaced(path)),
    )
    .map(({ path }) => ({ path, problem: 'a test is NAME.test.ts beside its source, or stands in test/' }))

const isPlaced = (path: string): boolean => isTest(path) && /^[^/]+\/[^/]+\/(src|test)\//.test(path)
