/** The secrets that `--redact` finds by itself. */
export const secretKinds = ['cards', 'tokens', 'email'] as const
export type SecretKind = (typeof secretKinds)[number]

/** A text without the secrets of one kind. */
export type Redact = (text: string) => string

const digitGroups = /\d+(?:[ -]\d+)*/g
const [leastCardDigits, mostCardDigits] = [13, 19]

/** ISO/IEC 7812-1: the check digit of a card number. */
const passesLuhn = (digits: string): boolean => {
  let sum = 0
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index])
    const weighed = index % 2 === 0 ? digit : digit * 2
    sum += weighed > 9 ? weighed - 9 : weighed
  }
  return sum % 10 === 0
}

const isCard = (digits: string): boolean => /^[2-6]/.test(digits) && passesLuhn(digits)

/** Cards among groups of digits: each begins and ends with a group. */
const withoutCards: Redact = (text) =>
  text.replace(digitGroups, (run) => {
    if (run.length < leastCardDigits) return run
    const parts = run.split(/([ -])/)
    let out = ''
    for (let from = 0; from < parts.length; from += 2) {
      const to = cardEnd(parts, from)
      out += (to === undefined ? parts[from] : '[card]') ?? ''
      if (to !== undefined) from = to
      out += parts[from + 1] ?? ''
    }
    return out
  })

/** The index of the last group of a card that begins with that group. */
const cardEnd = (parts: readonly string[], from: number): number | undefined => {
  let digits = ''
  for (let to = from; to < parts.length && digits.length <= mostCardDigits; to += 2) {
    digits += parts[to] ?? ''
    if (digits.length >= leastCardDigits && digits.length <= mostCardDigits && isCard(digits)) return to
  }
  return undefined
}

const tokenPatterns: readonly RegExp[] = [
  // A JSON Web Token, signed or not.
  /eyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*){0,3}/g,
  // Authorization: Bearer, Basic.
  /(?<=\b(?:bearer|basic)[ \t]{1,4})[\w.~+/=-]{8,}/gi,
  // AWS: id of an access key; secret access key and session token behind their names.
  /\b(?:AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA)[A-Z0-9]{16}\b/g,
  /(?<=aws_?(?:secret_?access_?key|session_?token)["']?[ \t]{0,4}[=:][ \t]{0,4}["']?)[\w/+=]{16,}/gi,
  // GitHub, GitLab, Slack, Stripe, Google.
  /\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|[rs]k_(?:live|test)_\w{10,}|AIza[\w-]{30,})/g,
]

const withoutTokens: Redact = (text) => tokenPatterns.reduce((rest, pattern) => rest.replace(pattern, '[token]'), text)

const email = /[\p{L}\p{N}._%+'-]{1,64}@(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,63}/gu

const withoutEmail: Redact = (text) => (text.includes('@') ? text.replace(email, '[email]') : text)

export const secretPatterns: Readonly<Record<SecretKind, Redact>> = {
  cards: withoutCards,
  tokens: withoutTokens,
  email: withoutEmail,
}
