import { Document, isMap, isPair, isScalar, type YAMLMap } from 'yaml'
import type { ValueNode } from './values-tree.ts'

/** values.yaml: each value with its default, and what it is as a comment above it. */
export const valuesYaml = (nodes: readonly ValueNode[], head: string): string => {
  const document = new Document(plainValues(nodes))
  document.commentBefore = ` ${head}`
  comment(document.contents as YAMLMap, nodes)
  return document.toString({ lineWidth: 0 })
}

const plainValues = (nodes: readonly ValueNode[]): Record<string, unknown> =>
  Object.fromEntries(
    nodes
      .filter(({ value }) => value !== undefined)
      .map(({ key, value, children }) => [key, children === undefined ? value : plainValues(children)]),
  )

const comment = (map: YAMLMap, nodes: readonly ValueNode[]): void => {
  for (const [index, pair] of map.items.entries()) {
    if (!isPair(pair) || !isScalar(pair.key)) continue
    const key = pair.key
    const node = nodes.find((one) => one.key === key.value)
    key.commentBefore = ` ${node?.what ?? ''}`
    key.spaceBefore = index > 0 && map.flow !== true && node?.children !== undefined
    if (node?.children !== undefined && isMap(pair.value)) comment(pair.value, node.children)
  }
}
