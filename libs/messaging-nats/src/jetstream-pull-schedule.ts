/** When the next request is made. */
export interface PullSchedule {
  readonly hasEnded: boolean
  /** Soon. Many calls make one request. Ignored while it backs off. */
  wake(): void
  /** After a short while, since the server has just refused. */
  backOff(): void
  /** Never again. */
  end(): void
}

const backOffMs = 250

/** Calls `request` when it is due. */
export const pullSchedule = (request: () => void): PullSchedule => {
  let state: 'idle' | 'due' | 'backing-off' | 'ended' = 'idle'
  let timer: NodeJS.Timeout | undefined

  const wake = () => {
    if (state !== 'idle') return
    state = 'due'
    setImmediate(() => {
      if (state !== 'due') return
      state = 'idle'
      request()
    })
  }

  return {
    get hasEnded() {
      return state === 'ended'
    },
    wake,
    backOff: () => {
      if (state === 'ended' || state === 'backing-off') return
      state = 'backing-off'
      timer = setTimeout(() => {
        state = 'idle'
        wake()
      }, backOffMs).unref()
    },
    end: () => {
      state = 'ended'
      clearTimeout(timer)
    },
  }
}
