/** The element at an index that the caller knows to exist. Throws RangeError where it does not: a fault in the caller. */
export const elementAt = <Item>(items: readonly (Item | undefined)[], index: number): Item => {
  const item = items[index]
  if (item === undefined) throw new RangeError(`no element at ${index} of ${items.length}`)
  return item
}
