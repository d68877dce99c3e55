import type { Message } from './message.ts'

/**
 * What a repeat of a message is recognised by: its source and its id together (CloudEvents 1.0, `id`). Ids of different sources are different
 * events. `defaultSource` stands for the source of a message without the header `source`. Two messages have the same identity where
 * both are equal, and only there.
 */
export const identityOf = ({ id, headers }: Pick<Message, 'id' | 'headers'>, defaultSource: string): string => {
  const source = headers['source'] ?? defaultSource
  return `${source.length} ${source} ${id}`
}
