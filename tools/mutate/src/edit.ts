import ts from 'typescript'
import type { Safeguard } from './safeguard.ts'

/** The text of the file without the safeguard, or why the edit cannot be made. */
export type Edited = { readonly text: string } | { readonly problem: string }

/** Takes the safeguard out of the text of its file. Never throws: a table that no longer fits the code is told as a problem. */
export const edited = (text: string, { find, replace, file }: Safeguard): Edited => {
  const places = text.split(find).length - 1
  if (places !== 1)
    return { problem: `the text to be replaced stands ${places} times in ${file}: it must stand there once` }
  if (find === replace) return { problem: 'the edit changes nothing' }
  const changed = text.replace(find, () => replace)
  const fault = file.endsWith('.ts') ? syntaxFault(changed) : undefined
  return fault === undefined ? { text: changed } : { problem: `${file} no longer parses after the edit: ${fault}` }
}

const syntaxFault = (text: string): string | undefined => {
  const { diagnostics = [] } = ts.transpileModule(text, {
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext },
  })
  const [first] = diagnostics
  return first === undefined ? undefined : ts.flattenDiagnosticMessageText(first.messageText, ' ')
}
