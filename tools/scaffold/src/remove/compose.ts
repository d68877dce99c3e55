import type { Tree } from '@nx/devkit'
import { shipper } from '../service/umbrella.ts'

const path = 'compose.yaml'

/** Takes the container of a service out of compose.yaml, and what other containers say of it. */
export const removeFromCompose = (tree: Tree, name: string): void => {
  const before = tree.read(path, 'utf8')
  if (before === null) return
  const after = withoutContainer(before, name)
  if (after !== before) tree.write(path, after)
}

/** The text of a Compose file without a service. The rest keeps its form. */
export const withoutContainer = (text: string, name: string): string => {
  const block = new RegExp(`(?:^ {2}#.*\\n)*^ {2}${name}:\\n(?:(?: {3,}.*)?\\n)*`, 'm')
  const uses = new RegExp(`^ {4,}(?:${name}: \\{.*\\}|[A-Z_]+: ${name})\\n`, 'gm')
  const without = text.replace(block, '').replace(uses, '')
  const bare = name === shipper ? withoutWrapper(without) : without
  return bare.replace(/^ {4}depends_on:\n(?! {6})/gm, '').replace(/\n+$/, '\n')
}

/** Programs that log-shipper wrapped run by themselves, as their images do. */
const withoutWrapper = (text: string): string =>
  text
    .replace(/^ +(?:entrypoint|volumes): \[.*shipper.*\n| +LOG_SHIPPER_.*\n/gm, '')
    .replace(/^volumes:\n {2}shipper:\n/m, '')
