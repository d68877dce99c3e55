/** Replaces a secret wherever one would be printed. */
export const hidden = '***'

// Linear in the text, whatever the text: what follows the start of a URL cannot hold another start, or has an upper bound.
const userInformation = /(:\/\/)[^\s/?#"'`<>\\]*@/g
const passwordWithSlash = /(:\/\/)[^\s/?#@:"'`<>\\]{0,256}:(?!\d{1,5}(?![^\s/?#"'`<>\\]))[^\s"'`<>\\]{0,256}@/g
const secretParameter =
  /([?&;](?:[\w.-]{0,64}(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|signature)|sig|auth)=)[^&\s"'`<>#\\]+/gi

/**
 * The text with the credentials of every URL in it replaced by `***`: the user information before the host (also where a
 * password holds an unescaped `/`, `?` or `#`), and query parameters such as `password` and `token`. Text without a URL
 * comes back unchanged.
 */
export const redactUrl = (text: string): string =>
  text.includes('://')
    ? text
        .replaceAll(userInformation, `$1${hidden}@`)
        .replaceAll(passwordWithSlash, `$1${hidden}@`)
        .replaceAll(secretParameter, `$1${hidden}`)
    : text
