import ts from 'typescript'
import { lineOf, nodesOf, parse } from './code.ts'
import { isTest, sourcesOf, type Tree, type Violation } from './tree.ts'

/** Functions whose first argument is a topic. */
const takeTopics = new Set(['on', 'subscribe', 'subscribeBatch', 'publish', 'message', 'jsonMessage', 'tombstone'])

/** A topic in the code of an app stands in its events.ts, from which the contracts are written. */
export const topicsInEvents = (tree: Tree): Violation[] =>
  sourcesOf(tree)
    .filter(({ path }) => /^apps\/[^/]+\/src\//.test(path) && !/\/events\.ts$/.test(path) && !isTest(path))
    .flatMap((file) => {
      const source = parse(file)
      const isOurs = importsMessaging(source)
      return [...nodesOf(source)]
        .filter((node) => ts.isCallExpression(node))
        .filter(({ expression, arguments: [topic] }) => takesTopic(expression, isOurs) && isText(topic))
        .map((node) => ({
          path: file.path,
          line: lineOf(source, node),
          problem: `the topic ${node.arguments[0]?.getText()} stands here: declare it in events.ts`,
        }))
    })

const importsMessaging = (source: ts.SourceFile): boolean => /'@armature\/messaging\/(on|message)'/.test(source.text)

/** A method of any object, or a function of libs/messaging: `on` of an emitter takes no topic. */
const takesTopic = (called: ts.Expression, isOurs: boolean): boolean =>
  ts.isIdentifier(called)
    ? isOurs && takeTopics.has(called.text)
    : ts.isPropertyAccessExpression(called) && called.name.text !== 'on' && takesMessages(called.name.text)

const takesMessages = (name: string): boolean => name === 'subscribe' || name === 'publish'

const isText = (node: ts.Expression | undefined): boolean =>
  node !== undefined && (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node))
