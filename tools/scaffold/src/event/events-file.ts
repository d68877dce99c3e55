import ts from 'typescript'
import { camelCase, pascalCase } from '../names.ts'
import { Refusal } from '../refusal.ts'

/** An app that has published and taken nothing so far. */
export const newEvents = `import { defineEvents } from '@armature/messaging/events'
import * as z from 'zod'

/** All that the service publishes and takes from topics. */
export const events = defineEvents({ sends: [], receives: [] })
`

export interface NewEvent {
  readonly name: string
  readonly topic: string
  readonly summary: string
}

/** The file with a schema, its type, and an entry in `sends`. Throws where there is no `export const events = defineEvents({ sends: [` in it. */
export const withEvent = (path: string, text: string, { name, topic, summary }: NewEvent): string => {
  const { list, statement } = placesOf(text)
  if (list === undefined || statement === undefined)
    throw new Refusal(
      `${path} has no list of what is sent`,
      'It needs: export const events = defineEvents({ sends: [ ... ], receives: [ ... ] })',
    )
  const [variable, type] = [camelCase(name), pascalCase(name)]
  const entry = `{ name: '${name}', summary: ${JSON.stringify(summary)}, topic: '${topic}', schema: ${variable} }`
  const schema = `/** ${summary.replaceAll('*/', '* /')} */
export const ${variable} = z.object({
  id: z.string(),
})
export type ${type} = Readonly<z.infer<typeof ${variable}>>

`
  const at = list.elements.end
  const isFirst = list.elements.length === 0
  const changed = [
    text.slice(0, statement),
    schema,
    text.slice(statement, at),
    isFirst || list.elements.hasTrailingComma ? '' : ', ',
    entry,
    text.slice(at),
  ].join('')
  return /from 'zod'/.test(changed) ? changed : `import * as z from 'zod'\n${changed}`
}

/** The names of the events that a file declares, as far as they stand in it as texts. */
export const listsOf = (text: string): { readonly sends: readonly string[] } => {
  const source = ts.createSourceFile('events.ts', text, ts.ScriptTarget.ESNext, true)
  const names: string[] = []
  const visit = (node: ts.Node): void => {
    const isName = ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) && node.name.text === 'name'
    if (isName && ts.isStringLiteralLike(node.initializer) && hasSummary(node.parent)) names.push(node.initializer.text)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return { sends: names }
}

/** What is sent has a summary, what is taken has none. */
const hasSummary = (node: ts.ObjectLiteralExpression): boolean =>
  node.properties.some((each) => each.name !== undefined && ts.isIdentifier(each.name) && each.name.text === 'summary')

/** The list of what is sent, and where the statement that has it begins, its comment included. */
const placesOf = (text: string): { readonly list?: ts.ArrayLiteralExpression; readonly statement?: number } => {
  const source = ts.createSourceFile('events.ts', text, ts.ScriptTarget.ESNext, true)
  for (const statement of source.statements) {
    const found = listIn(statement)
    if (found === undefined) continue
    const [comment] = ts.getLeadingCommentRanges(text, statement.pos)?.slice(-1) ?? []
    return { list: found, statement: comment?.pos ?? statement.getStart(source) }
  }
  return {}
}

const listIn = (node: ts.Node): ts.ArrayLiteralExpression | undefined => {
  if (ts.isCallExpression(node) && node.expression.getText() === 'defineEvents') {
    const [argument] = node.arguments
    if (argument === undefined || !ts.isObjectLiteralExpression(argument)) return undefined
    for (const each of argument.properties)
      if (
        ts.isPropertyAssignment(each) &&
        each.name.getText() === 'sends' &&
        ts.isArrayLiteralExpression(each.initializer)
      )
        return each.initializer
  }
  return ts.forEachChild(node, listIn)
}
