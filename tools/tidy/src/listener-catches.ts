import type { Rule, Scope } from 'eslint'
import type ts from 'typescript'

/** Methods and functions whose function arguments are called for what comes from outside: requests, messages, signals, events. */
const takesListeners =
  /^(?:on|once|addListener|prependListener|prependOnceListener|addEventListener|createServer|createSecureServer|onStopSignals)$/

/** A node of the syntax tree, with the members of those kinds that are looked at. */
interface Node {
  readonly type: string
  readonly parent?: Node | null
  readonly name?: string
  readonly operator?: string
  readonly arguments?: readonly Node[]
  readonly argument?: Node
  readonly callee?: Node
  readonly expression?: Node
  readonly id?: Node | null
  readonly key?: Node
  readonly left?: Node
  readonly object?: Node
  readonly property?: Node
  readonly value?: Node
}

interface TypeServices {
  getTypeAtLocation(node: Node): ts.Type
}

/**
 * ESLint's rule that a listener which begins a promise says what becomes of its rejection: `void work()` in a listener turns whatever a
 * client sends that `work` does not expect into the end of the process. Wanted is `work().catch(...)`. A listener is a function given
 * to `.on`, `.once`, `addEventListener`, `createServer` and their like, or by a property `onEvent`, also by its name.
 */
export const listenerCatches: Rule.RuleModule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { uncaught: 'A rejection here ends the process: say what becomes of it with .catch(...).' },
  },
  create: ({ sourceCode, report }) => {
    const services = sourceCode.parserServices as Partial<TypeServices>
    /** In a union, such as Promise | undefined, one promise is enough. */
    const isPromise = (node: Node): boolean => {
      const type = services.getTypeAtLocation?.(node)
      return (type?.isUnion() ? type.types : [type]).some((each) => each?.getProperty('then') !== undefined)
    }
    return {
      'UnaryExpression[operator=void]': (node: Rule.Node) => {
        const { argument } = node as unknown as Node
        if (argument === undefined || isCaught(argument) || !isPromise(argument)) return
        if (
          functionsAround(node as unknown as Node).some((one) =>
            isListener(one, sourceCode.getScope(one as unknown as Rule.Node)),
          )
        )
          report({ node, messageId: 'uncaught' })
      },
    }
  },
}

/** Whether an expression ends in `.catch(f)` or `.then(f, g)`, with or without a `.finally(f)` behind. */
const isCaught = ({ type, expression, callee, ...node }: Node): boolean => {
  if (type === 'ChainExpression') return expression !== undefined && isCaught(expression)
  const name = callee?.property?.name
  if (name === 'finally') return callee?.object !== undefined && isCaught(callee.object)
  return name === 'catch' || (name === 'then' && node.arguments?.length === 2)
}

/** The functions that hold a node, from the inside out. */
const functionsAround = (node: Node): Node[] => {
  const found: Node[] = []
  for (let at = node.parent; at; at = at.parent) if (at.type.includes('Function')) found.push(at)
  return found
}

const isListener = (node: Node, scope: Scope.Scope): boolean => {
  if (isInListenerPlace(node)) return true
  const name = node.type === 'FunctionDeclaration' ? node.id : node.parent?.id
  for (let at: Scope.Scope | null = scope; at !== null; at = at.upper) {
    const variable = at.set.get(name?.name ?? '')
    if (variable?.identifiers.some((each) => (each as unknown as Node) === name) === true)
      return variable.references.some(({ identifier }) => isInListenerPlace(identifier))
  }
  return false
}

const isInListenerPlace = (node: Node): boolean => {
  const { parent } = node
  if (parent?.type === 'Property') return parent.value === node && /^on[A-Z]/.test(parent.key?.name ?? '')
  if (parent?.type === 'AssignmentExpression') return /^on[a-z]/i.test(parent.left?.property?.name ?? '')
  if (parent?.type !== 'CallExpression' || parent.callee === node) return false
  return takesListeners.test(parent.callee?.property?.name ?? parent.callee?.name ?? '')
}
