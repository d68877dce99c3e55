/**
 * How long a member of a group may read its partitions. The coordinator gives them to others when it has not heard of the member for a
 * session, and cannot tell a member that it does not reach: each side measures the time by itself.
 */
export interface GroupSession {
  /**
   * Sends a request that keeps the session where `keeps` says so of the answer. The session then lasts from when the request was sent, which
   * is before the coordinator heard it.
   */
  keep<Answer>(request: () => Promise<Answer>, keeps: (answer: Answer) => boolean): Promise<Answer>
  /** Waits for the other members. The coordinator ends no session meanwhile, so `over` is put off; `holds` is not. */
  putOff<Result>(work: () => Promise<Result>): Promise<Result>
  /** Whether the partitions are this member's beyond doubt: it handles nothing new otherwise. */
  readonly holds: boolean
  /** Ends it at once, without a call of `over`. */
  end(): void
}

/** A session that has not begun. `over` is called when a session has passed without an answer that keeps it. */
export const groupSession = (sessionTimeoutMs: number, over: () => void): GroupSession => {
  let untilMs = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  let isPutOff = false
  let isOver = true

  const leftMs = () => untilMs - performance.now()

  const check = () => {
    timer = undefined
    if (isPutOff || isOver) return
    if (leftMs() > 0) {
      timer = setTimeout(check, Math.ceil(leftMs()))
      return
    }
    isOver = true
    over()
  }

  return {
    keep: async (request, keeps) => {
      const sentMs = performance.now()
      const answer = await request()
      const keptUntilMs = sentMs + sessionTimeoutMs
      if (keeps(answer) && keptUntilMs > performance.now()) {
        untilMs = Math.max(untilMs, keptUntilMs)
        isOver = false
        if (timer === undefined) check()
      }
      return answer
    },
    putOff: async (work) => {
      isPutOff = true
      try {
        return await work()
      } finally {
        isPutOff = false
        if (timer === undefined) check()
      }
    },
    get holds() {
      return !isOver && leftMs() > 0
    },
    end: () => {
      isOver = true
      untilMs = Number.NEGATIVE_INFINITY
      clearTimeout(timer)
      timer = undefined
    },
  }
}
