/** Whether a text fits a pattern, in which `*` stands for any characters. Linear in the length of the text for each `*`. */
export const matches = (pattern: string, text: string): boolean => {
  const [first = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return pattern === text
  const last = rest.pop() ?? ''
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false
  let from = first.length
  const end = text.length - last.length
  for (const part of rest) {
    const found = text.indexOf(part, from)
    if (found === -1 || found + part.length > end) return false
    from = found + part.length
  }
  return true
}

/** Whether the tags fit all patterns. A tag that is absent is the empty text, as in Prometheus. */
export const tagsMatch = (where: Readonly<Record<string, string>>, tags: Readonly<Record<string, string>>): boolean =>
  Object.entries(where).every(([name, pattern]) =>
    matches(pattern, Object.hasOwn(tags, name) ? (tags[name] ?? '') : ''),
  )
