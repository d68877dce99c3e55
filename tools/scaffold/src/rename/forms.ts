/** A name in the forms that its places allow. */
export interface Forms {
  /** The scope of the packages, such as `@acme`. */
  readonly scope: string
  /** `acme-platform`: folders, charts, images, topics, keys. */
  readonly kebab: string
  /** `acmeplatform`: packages of protos and attributes of CloudEvents, which may hold letters and digits alone. */
  readonly flat: string
  /** `acmePlatform`, of variables. */
  readonly camel: string
  /** `AcmePlatform`, of types. */
  readonly pascal: string
  /** `ACME_PLATFORM`, of the environment. */
  readonly constant: string
  /** `Acme Platform`, in sentences. */
  readonly title: string
}

/** All forms of a name in kebab-case. */
export const formsOf = (scope: string, kebab: string): Forms => {
  const words = kebab.split('-')
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)
  const [first = '', ...rest] = words
  return {
    scope,
    kebab,
    flat: words.join(''),
    camel: [first, ...rest.map(capital)].join(''),
    pascal: words.map(capital).join(''),
    constant: words.join('_').toUpperCase(),
    title: words.map(capital).join(' '),
  }
}

/** Whether a text is an identifier of code at this place. */
export type IsIdentifier = (offset: number) => boolean

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Every form of the name, and the scope with what may stand before it. Longer forms come first. */
const patternOf = ({ scope, kebab, flat, camel, pascal, constant, title }: Forms): RegExp => {
  const names = [...new Set([title, kebab, camel, pascal, constant, flat])].sort((a, b) => b.length - a.length)
  const bare = escaped(scope.slice(1))
  return new RegExp(`(?:@|%40)${bare}(?![\\w-])|${names.map(escaped).join('|')}`, 'g')
}

/** A version follows: `.search.v1` or `/search/v1`, as in the packages and folders of protos, or in a template of them, `.${name}.v1`. */
const protoTail = /^(?:\.(?:[a-z]\w*|\$\{[^}]*\})\.v\d|\/(?:[a-z]\w*|\$\{[^}]*\})\/v\d)/

/**
 * The text with every form of the one name replaced by that of the other, in one pass: a new name may contain the old one. `isIdentifier` says of an
 * offset in the text whether a variable begins there.
 */
export const renamedText = (text: string, from: Forms, to: Forms, isIdentifier: IsIdentifier = () => false): string =>
  text.replace(patternOf(from), (found: string, offset: number) => {
    if (/^(?:@|%40)/.test(found) && found.endsWith(from.scope.slice(1)))
      return found.replace(from.scope.slice(1), to.scope.slice(1))
    const [before, after] = [text.charAt(offset - 1), text.slice(offset + found.length)]
    if (found === from.constant && found !== from.kebab) return to.constant
    if (found === from.pascal || found === from.title) {
      const isPart = /[a-z0-9]/.test(before) || /^[A-Z]/.test(after)
      return isPart || (found === from.pascal && found !== from.title) ? to.pascal : to.title
    }
    if (isIdentifier(offset)) return to.camel
    if (protoTail.test(after) || /^[a-z0-9]/.test(after)) return to.flat
    if (found === from.flat && found !== from.kebab) return to.flat
    return found === from.camel && found !== from.kebab ? to.camel : to.kebab
  })
