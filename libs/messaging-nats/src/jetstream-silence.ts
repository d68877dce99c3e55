export interface SilenceParts {
  readonly everyMs: number
  /** Longer without a sign is silence. */
  readonly limitMs: number
  /** Whether the server owes a sign now. */
  readonly isOwed: () => boolean
  /** Called for each silence, and again `limitMs` later where it goes on. `times` counts from 1, since the last sign. */
  readonly onSilence: (times: number) => void
  /** Called with each look, also where there is a sign. */
  readonly onLook: () => void
}

/** Looks every `everyMs` whether there was a sign of the server. */
export interface SilenceWatch {
  /** A sign has come. */
  heard(): void
  /** The time counts from now on, and the silence before it too. */
  restart(): void
  end(): void
}

/** Begins to look. */
export const watchSilence = ({ everyMs, limitMs, isOwed, onSilence, onLook }: SilenceParts): SilenceWatch => {
  let sinceMs = performance.now()
  let silences = 0
  const restart = () => {
    sinceMs = performance.now()
  }
  const timer = setInterval(() => {
    if (isOwed() && performance.now() - sinceMs > limitMs) {
      restart()
      onSilence(++silences)
    }
    onLook()
  }, everyMs).unref()
  return {
    heard: () => {
      restart()
      silences = 0
    },
    restart,
    end: () => clearInterval(timer),
  }
}
