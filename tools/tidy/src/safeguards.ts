import { edited } from '@armature/mutate/edit'
import { type Safeguard } from '@armature/mutate/safeguard'
import { loadSafeguards } from '@armature/mutate/safeguards'
import { type Table } from './tables.ts'
import { type Tree, type Violation } from './tree.ts'

type Areas = ReadonlyMap<string, readonly Safeguard[]>

/** The edit of each safeguard fits the code, and its tests exist. */
export const safeguardsStand =
  (load: () => Promise<Areas>) =>
  async (tree: Tree): Promise<Violation[]> =>
    [...(await load())].flatMap(([area, safeguards]) =>
      safeguards.flatMap((safeguard) =>
        problemsOf(tree, safeguard).map((problem) => ({
          path: `tools/mutate/src/safeguards-${area}.ts`,
          problem: `"${safeguard.promise}": ${problem}`,
        })),
      ),
    )

const problemsOf = (tree: Tree, safeguard: Safeguard): string[] => {
  const { file, tests } = safeguard
  const text = tree.text(file)
  if (text === undefined) return [`there is no file ${file}`]
  const edit = edited(text, safeguard)
  return [
    ...('problem' in edit ? [edit.problem] : []),
    ...(tests.length === 0 ? ['it names no test'] : []),
    ...tests.filter((path) => tree.text(path) === undefined).map((path) => `there is no test ${path}`),
  ]
}

/** The table of ARCHITECTURE.md: each promise with the tests that hold it and the edits that turn them red. */
export const promisesTable = async (load: () => Promise<Areas> = loadSafeguards): Promise<Table> => {
  const promises = new Map<string, { tests: Set<string>; edits: string[] }>()
  for (const safeguard of [...(await load()).values()].flat()) {
    const { tests, edits } = promises.get(safeguard.promise) ?? { tests: new Set(), edits: [] }
    for (const path of safeguard.tests) tests.add(`\`${path.replace(/\.test\.ts$/, '')}\``)
    edits.push(editOf(safeguard))
    promises.set(safeguard.promise, { tests, edits })
  }
  const rows = [...promises].map(([promise, { tests, edits }]) => row(promise, [...tests].join(', '), edits.join('; ')))
  return {
    readme: 'ARCHITECTURE.md',
    source: 'tools/mutate/src/safeguards-*.ts',
    heading: 'Promise',
    lines: [row('Promise', 'Tests that hold it', 'Edit that turns them red'), row('---', '---', '---'), ...rows],
  }
}

const longestShownChars = 60

const editOf = ({ file, find, replace }: Safeguard): string => {
  const name = file.split('/').at(-1) ?? file
  return replace.trim() === '' ? `${name} without ${code(find)}` : `${name}: ${code(find)} becomes ${code(replace)}`
}

const code = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll('`', "'").trim()
  return `\`${line.length > longestShownChars ? `${line.slice(0, longestShownChars)}…` : line}\``
}

const row = (...cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
