/** Values in one text, all its repeats counted. */
export const maxValues = 100_000

const itemForm = /^(_|[+-]?\d+(?:\.\d+)?)(?:([+-]\d+(?:\.\d+)?)?x(\d{1,6}))?$/

/**
 * The values of a text in promtool's notation, undefined where none comes: `1 2`, `1x3` (1 and 3 more), `0+5x3` (0 and 3 more steps),
 * `9-2x2`, `_` (none), `_x3` (3 times none). Answers the fault where it cannot be read.
 */
export const parseValues = (text: string): readonly (number | undefined)[] | string => {
  const values: (number | undefined)[] = []
  for (const item of text.split(/\s+/)) {
    if (item === '') continue
    const [, first, step = '0', times] = itemForm.exec(item) ?? []
    if (first === undefined || (first === '_' && item.includes('+')))
      return `holds '${item.slice(0, 40)}': write 1, 1x3, 0+5x3, 9-2x2, _ or _x3`
    const isNone = first === '_'
    const count = times === undefined ? 1 : Number(times) + (isNone ? 0 : 1)
    if (values.length + count > maxValues) return `has more than ${maxValues} values`
    for (let n = 0; n < count; n += 1) values.push(isNone ? undefined : Number(first) + n * Number(step))
  }
  return values
}
