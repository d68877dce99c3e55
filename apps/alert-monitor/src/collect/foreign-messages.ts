import { bodyJson, type Message } from '@armature/messaging/message'
import { boundedTags, boundedValue, isName, refuse, type Malformed, type Parsed, type SampleType } from './sample.ts'

export interface ForeignOptions {
  /** The path to the value in a JSON body: `order.amount`. */
  readonly valuePath: string
  /** The name of the metric. Default: the topic. */
  readonly name: string | undefined
  readonly type: Exclude<SampleType, 'set'>
  /** The paths to the tags; a tag is named by the last part of its path. */
  readonly tagPaths: readonly string[]
}

/** Reads one sample of each message of any topic, by paths into its JSON body. Never throws: what is refused has its reason. */
export const readForeign = ({ valuePath, name, type, tagPaths }: ForeignOptions): ((message: Message) => Parsed) => {
  const path = valuePath.split('.')
  const splitTagPaths = tagPaths.map((each) => each.split('.'))

  const read = (message: Message): Parsed['samples'][number] | Malformed => {
    let body: unknown
    try {
      body = bodyJson(message)
    } catch {
      return 'bad-json'
    }
    const found = at(body, path)
    if (found === undefined || found === null) return 'no-value'
    const value = typeof found === 'number' ? boundedValue(found) : undefined
    if (value === undefined || (type === 'timer' && value < 0)) return 'bad-value'
    const metric = name ?? message.topic
    if (!isName(metric)) return 'bad-name'
    const tags = boundedTags(
      splitTagPaths.flatMap((tagPath) => {
        const text = textOf(at(body, tagPath))
        return text === undefined ? [] : [[tagPath.at(-1) ?? '', text] as const]
      }),
    )
    return typeof tags === 'string' ? tags : { name: metric, type, value, weight: 1, relative: false, tags }
  }

  return (message) => {
    const result = read(message)
    return typeof result === 'string'
      ? { samples: [], refused: [refuse(result, message.topic)] }
      : { samples: [result], refused: [] }
  }
}

/** A field that a value itself has: never one of its prototype. */
const at = (body: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (value, name) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, name)
        ? (value as Record<string, unknown>)[name]
        : undefined,
    body,
  )

const textOf = (value: unknown): string | undefined =>
  ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined
