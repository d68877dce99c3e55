/**
 * Spreads the partitions of a topic evenly over the members of a group that read it, moving as few as it can (the sticky
 * assignment of Kafka's KIP-54). `current` is the present owner of each partition. Of equal members the one with the smaller
 * `load` (partitions of other topics) gets more, then the earlier one. Answers the new owner of each partition; undefined without members.
 */
export const assign = <Member>(
  current: readonly (Member | undefined)[],
  members: readonly Member[],
  load: (member: Member) => number,
): (Member | undefined)[] => {
  if (members.length === 0) return current.map(() => undefined)
  const counts = new Map<Member, number>(members.map((member) => [member, 0]))
  for (const member of current) {
    const count = member === undefined ? undefined : counts.get(member)
    if (member !== undefined && count !== undefined) counts.set(member, count + 1)
  }
  const ranked = [...counts].sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || load(a) - load(b))
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
