import { createHash } from 'node:crypto'

/** Streams and consumers are folders of the server: no dots, spaces, slashes, wildcards, and not much longer than this. */
const longestName = 100

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12)

const readable = (text: string): string => text.replaceAll(/[^A-Za-z0-9_-]+/g, '_')

/** The name of the stream that is made for topics that begin with this token, or for this one topic. */
export const streamName = (topic: string): string => {
  const name = readable(topic)
  return name === topic && name.length <= longestName ? name : `${name.slice(0, longestName)}-${hash(topic)}`
}

/** The name of a group's consumer for a topic or pattern. */
export const durableName = (group: string, pattern: string): string =>
  `${readable(group).slice(0, longestName)}-${readable(pattern).slice(0, longestName)}-${hash(`${group}\n${pattern}`)}`

/** Whether a consumer has a name that `durableName` gives. */
export const isOwnDurable = (name: string): boolean => /-[\da-f]{12}$/.test(name)

/** The stream in which advisories wait until they are dead letters. */
export const advisoryStream = 'armature-advisories'
