/**
 * Spreads the partitions of a topic evenly over the members of a group that read it, moving as few as it can (the sticky
 * assignment of Kafka's KIP-54). `current` says who has each partition now. Where members are equal, the one with the smaller
 * `load` (partitions of other topics), then the earlier, gets more. Answers who shall have each; undefined without members.
 */
export const assign = <Member>(
  current: readonly (Member | undefined)[],
  members: readonly Member[],
  load: (member: Member) => number,
): (Member | undefined)[] => {
  if (members.length === 0) return current.map(() => undefined)
  const held = new Map<Member, number>(members.map((member) => [member, 0]))
  for (const member of current) {
    const count = member === undefined ? undefined : held.get(member)
    if (member !== undefined && count !== undefined) held.set(member, count + 1)
  }
  const ranked = [...held].sort(([a, heldByA], [b, heldByB]) => heldByB - heldByA || load(a) - load(b))
  const each = Math.floor(current.length / members.length)
  const extra = current.length % members.length
  const room = new Map<Member, number>(ranked.map(([member], rank) => [member, rank < extra ? each + 1 : each]))

  const kept = current.map((member) => {
    const left = member === undefined ? undefined : room.get(member)
    if (member === undefined || left === undefined || left === 0) return undefined
    room.set(member, left - 1)
    return member
  })
  const open = [...room].flatMap(([member, left]) => Array.from({ length: left }, () => member))
  return kept.map((member) => member ?? open.shift())
}
