/** Names that stand for a part of the message, or that the shipper gives itself. */
const owned: ReadonlySet<string> = new Set([
  ...['source', 'content-type', 'cut-bytes'],
  ...['specversion', 'id', 'type', 'time', 'data', 'datacontenttype', 'dataschema', 'subject', 'partitionkey'],
])
/** Names of CloudEvents on a wire, of dead letters, of the platform's extensions, and of NATS. */
const ownedPrefix = /^(?:ce[-_]|cloudevents[:_]|(?:kafka_)?dlt-|armature|nats-)/

const nameShape = /^[!#$%&'*+.^_`|~\da-z-]{1,100}$/
const maxValueCharacters = 1_000

/** The fault in `NAME=VALUE`; undefined if it can be a header of every message. */
export const headerFault = (header: string): string | undefined => {
  const equals = header.indexOf('=')
  if (equals < 1) return 'is no NAME=VALUE'
  const name = header.slice(0, equals)
  const value = header.slice(equals + 1)
  if (owned.has(name.toLowerCase()) || ownedPrefix.test(name.toLowerCase())) {
    return `has a name that the platform owns: call it otherwise, such as x-${name.toLowerCase()}`
  }
  if (name !== name.toLowerCase()) return `has a name with capitals: write ${name.toLowerCase()}`
  if (!nameShape.test(name)) return 'has a name that not every broker takes: use up to 100 of a-z 0-9 - . _'
  if (value.length > maxValueCharacters) return `has a value of more than ${maxValueCharacters} characters`
  if (/[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u.test(value)) return 'has a control character in its value'
  return undefined
}
