import { join, posix } from 'node:path'
import ts from 'typescript'
import { type Sample } from './samples.ts'
import { type Violation } from './tree.ts'

/**
 * Compiles samples by the options of the workspace, each as a file of the project that its document describes. Those of other projects are
 * parsed only, since their packages are not here.
 */
export const compileSamples =
  (root: string) =>
  (samples: readonly Sample[]): Violation[] => {
    const files = new Map(samples.map((sample) => [join(root, placeOf(sample)), sample]))
    const options = optionsOf(root)
    const host = ts.createCompilerHost(options)
    const { fileExists, getSourceFile } = host
    host.fileExists = (path) => files.has(path) || fileExists(path)
    host.getSourceFile = (path, version, ...more) => {
      const sample = files.get(path)
      return sample === undefined
        ? getSourceFile(path, version, ...more)
        : ts.createSourceFile(path, `${headOf(sample)}${sample.code}\nexport {}\n`, version)
    }
    const program = ts.createProgram([...files.keys()], options, host)
    return [...files].flatMap(([path, sample]) => {
      const source = program.getSourceFile(path)
      const semantic = program.getSemanticDiagnostics(source)
      const found = [...program.getSyntacticDiagnostics(source), ...(sample.other === undefined ? semantic : [])]
      return [...found.map((each) => violationOf(sample, each)), ...needlessOther(sample, semantic)]
    })
  }

/** The file that the code names in its first line (`// src/main.ts`), else one in the project's src, as far as imports go. */
const placeOf = ({ path, line, code }: Sample): string => {
  const name = `${posix.basename(path, '.md').toLowerCase()}-line-${line}.ts`
  const project = posix.dirname(path)
  const [, folder = project === '.' ? '.' : 'src'] = /^\/\/ (\S+)\/[^/\s]+\.ts$/m.exec(code.split('\n')[0] ?? '') ?? []
  return posix.join(project, folder, name)
}

const headOf = ({ setup }: Sample): string => (setup === '' ? '' : `${setup}\n`)

const violationOf = (sample: Sample, { file, start = 0, messageText }: ts.Diagnostic): Violation => {
  const setupLines = headOf(sample).split('\n').length - 1
  const place = (file?.getLineAndCharacterOfPosition(start).line ?? 0) - setupLines
  const lastLine = sample.code.trimEnd().split('\n').length - 1
  const problem = `the sample does not compile: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
  return { path: sample.path, line: sample.line + Math.min(lastLine, Math.max(0, place)), problem }
}

/** TypeScript's code for an import that leads nowhere. */
const noModule = 2307

const needlessOther = ({ path, line, other }: Sample, found: readonly ts.Diagnostic[]): Violation[] => {
  if (other === undefined || found.some(({ code }) => code === noModule)) return []
  return [{ path, line, problem: `the sample imports nothing of ${other} that is not here: remove other=${other}` }]
}

/** Those of tsconfig.base.json, without output. A sample may declare what it does not use. */
const optionsOf = (root: string): ts.CompilerOptions => {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile) as { config: object }
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, root)
  return {
    ...options,
    noEmit: true,
    composite: false,
    declaration: false,
    emitDeclarationOnly: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
  }
}
