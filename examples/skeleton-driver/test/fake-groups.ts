import type { StoredRecord, WireDelivery } from '../src/protocol.ts'

interface Entry {
  readonly record: StoredRecord
  readonly tag: number
  attempt: number
  owner: Member | undefined
  /** It was given back, and waits. */
  isDelayed: boolean
}

/** A member of a group, over a connection. */
export interface Member {
  readonly group: Group
  isPaused: boolean
  /** A fetch that waits for records. */
  fetch: { readonly max: number; readonly answer: (deliveries: readonly WireDelivery[]) => void } | undefined
}

/** A group: the records that its members have still to settle, in their order. */
export interface Group {
  readonly name: string
  readonly pattern: string
  readonly members: ReadonlySet<Member>
  add(record: StoredRecord): void
  join(): Member
  fetch(member: Member, max: number): Promise<readonly WireDelivery[]>
  ack(member: Member, tag: number): void
  nack(member: Member, tag: number, delayMs: number): void
  pause(member: Member): void
  /** What the member has not settled goes to the others. */
  leave(member: Member): void
}

/** A group without members. */
export const createGroup = (name: string, pattern: string): Group => {
  const entries = new Map<number, Entry>()
  const members = new Set<Member>()
  let latestTag = 0

  /** Free entries in their order. Those of a key that another member has at work wait. */
  const take = (member: Member, max: number): Entry[] => {
    const taken: Entry[] = []
    const elsewhere = new Set<string>()
    for (const entry of entries.values()) {
      if (taken.length === max) break
      const { owner, record } = entry
      if (owner !== undefined && owner !== member && record.key !== undefined) elsewhere.add(record.key)
      const waits = record.key !== undefined && elsewhere.has(record.key)
      if (owner === undefined && !entry.isDelayed && !waits) taken.push(entry)
    }
    return taken
  }

  const deliver = () => {
    for (const member of [...members]) {
      const { fetch } = member
      if (fetch === undefined) continue
      const taken = take(member, fetch.max)
      if (taken.length === 0) continue
      member.fetch = undefined
      // The next records are for the others first.
      members.delete(member)
      members.add(member)
      for (const entry of taken) Object.assign(entry, { owner: member, attempt: entry.attempt + 1 })
      fetch.answer(taken.map(({ record, tag, attempt }) => ({ ...record, tag, attempt })))
    }
  }

  const ownEntry = (member: Member, tag: number): Entry | undefined => {
    const entry = entries.get(tag)
    return entry?.owner === member ? entry : undefined
  }

  const pause = (member: Member) => {
    member.isPaused = true
    member.fetch?.answer([])
    member.fetch = undefined
  }

  const group: Group = {
    ...{ name, pattern, members },
    add: (record) => {
      const tag = ++latestTag
      entries.set(tag, { record, tag, attempt: 0, owner: undefined, isDelayed: false })
      deliver()
    },
    join: () => {
      const member: Member = { group, isPaused: false, fetch: undefined }
      members.add(member)
      return member
    },
    fetch: (member, max) => {
      if (member.isPaused) return Promise.resolve([])
      return new Promise((answer) => {
        member.fetch = { max, answer }
        deliver()
      })
    },
    ack: (member, tag) => {
      if (ownEntry(member, tag) !== undefined) entries.delete(tag)
      deliver()
    },
    nack: (member, tag, delayMs) => {
      const entry = ownEntry(member, tag)
      if (entry === undefined) return
      Object.assign(entry, { owner: undefined, isDelayed: delayMs > 0 })
      const again = () => {
        entry.isDelayed = false
        deliver()
      }
      if (delayMs > 0) setTimeout(again, delayMs).unref()
      else deliver()
    },
    pause,
    leave: (member) => {
      pause(member)
      members.delete(member)
      for (const entry of entries.values()) if (entry.owner === member) entry.owner = undefined
      deliver()
    },
  }
  return group
}
