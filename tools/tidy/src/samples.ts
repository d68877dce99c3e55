import { format } from 'prettier'
import { type Tree, type Violation } from './tree.ts'

/** A code block of a document. */
export type Sample = {
  readonly path: string
  /** The number of the first line of code. */
  readonly line: number
  readonly language: string
  readonly code: string
  /** Code that the block takes for granted, from a comment before it that readers of the page do not see. */
  readonly setup: string
  /** The project that the code is of, where that is not this one: `ts other=nestjs`. */
  readonly other: string | undefined
}

const block = /(?:<!-- sample\n([^]*?)\n-->\n+)?^( *)```(\w+)([^\n]*)\n([^]*?)^\2```$/gm

/** The code blocks of all documents that name a language. `<!-- sample` before one holds its setup. */
export const samplesOf = (tree: Tree): Sample[] =>
  tree.files
    .filter(({ path }) => /\.md$/.test(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(block)].map(
        ({ 0: all, 1: setup = '', 2: indent = '', 3: language = '', 4: info = '', 5: code = '', index }) => {
          const before = text.slice(0, index) + all.slice(0, all.indexOf('```'))
          const [, other] = /\bother=(\S+)/.exec(info) ?? []
          return { path, line: before.split('\n').length + 1, language, code: unindented(code, indent), setup, other }
        },
      ),
    )

const unindented = (code: string, indent: string): string =>
  indent === '' ? code : code.replaceAll(new RegExp(`^${indent}`, 'gm'), '')

const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  json: (text) => JSON.parse(text) as unknown,
  yaml: (text) => format(text, { parser: 'yaml' }),
  yml: (text) => format(text, { parser: 'yaml' }),
}

/** Samples in TypeScript compile, those in JSON and YAML can be read. */
export const samplesHold =
  (compile: (samples: readonly Sample[]) => readonly Violation[]) =>
  async (tree: Tree): Promise<Violation[]> => {
    const samples = samplesOf(tree)
    const typed = samples.filter(({ language }) => language === 'ts' || language === 'typescript')
    const unread = await Promise.all(samples.map(unreadable))
    return [...(typed.length === 0 ? [] : compile(typed)), ...unread.flat()]
  }

const unreadable = async ({ path, line, language, code }: Sample): Promise<Violation[]> => {
  try {
    await parsers[language]?.(code)
    return []
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n')
    return [{ path, line, problem: `the sample is not ${language}: ${reason}` }]
  }
}
