import { patternOf } from '@armature/messaging/events'
import type { Declared } from './declared.ts'
import { overlap } from './topics.ts'
import { wires } from './wires.ts'

/** The kinds of the ends of an arrow. */
export interface Node {
  readonly kind: 'service' | 'topic' | 'other'
  readonly name: string
}

export interface TopologyArrow {
  readonly from: Node
  readonly to: Node
  /** The event or the handler, or the protocol. */
  readonly by: string
}

/** Services, topics and the arrows between them: `contracts/topology.json`. */
export interface Topology {
  readonly services: readonly string[]
  readonly topics: readonly string[]
  readonly arrows: readonly TopologyArrow[]
}

/**
 * The topology of the services by the defaults of their settings: a topic that no setting names by default is left out. A topic that is taken by
 * a wildcard is the one that is published to, where there is one.
 */
export const topology = (services: readonly Declared[]): Topology => {
  const published = services.flatMap(({ sends }) => sends.flatMap(({ topic }) => topic ?? []))
  const sources = (pattern: string): readonly string[] => {
    const found = published.filter((topic) => overlap(patternOf(topic), pattern))
    return found.length === 0 ? [pattern] : [...new Set(found)]
  }
  const arrows = services.flatMap(({ service, sends, receives, settings }): readonly TopologyArrow[] => {
    const own: Node = { kind: 'service', name: service }
    return [
      ...sends.flatMap(({ name, topic }) =>
        topic === undefined ? [] : [{ from: own, to: topicNode(topic), by: name }],
      ),
      ...receives.flatMap(({ name, topic }) =>
        topic === undefined ? [] : sources(topic).map((each) => ({ from: topicNode(each), to: own, by: name })),
      ),
      ...settings.flatMap((key) => {
        const wire = wires[key]
        if (wire === undefined) return []
        const other: Node = { kind: 'other', name: wire.end }
        return [wire.direction === 'in' ? { from: other, to: own, by: wire.by } : { from: own, to: other, by: wire.by }]
      }),
    ]
  })
  const topics = arrows.flatMap(({ from, to }) => [from, to].filter(({ kind }) => kind === 'topic'))
  return {
    services: services.map(({ service }) => service),
    topics: [...new Set(topics.map(({ name }) => name))].sort(),
    arrows,
  }
}

const topicNode = (name: string): Node => ({ kind: 'topic', name })

/** The topology as a flowchart of Mermaid: services are boxes, topics are round, the rest has slanted sides. */
export const mermaid = ({ arrows }: Topology): string => {
  const ids = new Map<string, string>()
  const shown = ({ kind, name }: Node): string => {
    const known = ids.get(`${kind} ${name}`)
    if (known !== undefined) return known
    const id = `${kind}-${ids.size + 1}`
    ids.set(`${kind} ${name}`, id)
    const text = JSON.stringify(name)
    return kind === 'service' ? `${id}[${text}]` : kind === 'topic' ? `${id}([${text}])` : `${id}[/${text}/]`
  }
  // Arrows that differ in their event alone are one.
  const lines = new Map<string, { readonly arrow: TopologyArrow; readonly by: string[] }>()
  for (const arrow of arrows) {
    const key = JSON.stringify([arrow.from, arrow.to])
    const line = lines.get(key)
    if (line === undefined) lines.set(key, { arrow, by: [arrow.by] })
    else if (!line.by.includes(arrow.by)) line.by.push(arrow.by)
  }
  const text = [...lines.values()].map(
    ({ arrow, by }) => `  ${shown(arrow.from)} -- ${JSON.stringify(by.join(', '))} --> ${shown(arrow.to)}`,
  )
  return ['flowchart LR', ...text].join('\n')
}
