import type { JetStreamManager } from '@nats-io/jetstream'
import type { LastSeen } from './jetstream-reader.ts'

/** One life of a stream, from when it was made until it is deleted. */
export interface StreamLife {
  readonly created: string
  readonly lastSequence: number
}

/** In which life streams are. Each rejects with the server's error where there is no such stream. */
export interface StreamLives {
  lifeOf(stream: string): Promise<StreamLife>
  /**
   * Whether this message was of the life in which the stream is: the stream was not made anew since, did not go back behind it (restored
   * from a backup), and has no other message in its place.
   */
  isSameLife(stream: string, created: string, last: LastSeen | undefined): Promise<boolean>
}

/** The lives of the server's streams. */
export const streamLives = (jsm: JetStreamManager): StreamLives => {
  const lifeOf = async (stream: string): Promise<StreamLife> => {
    const { created, state } = await jsm.streams.info(stream)
    return { created, lastSequence: state.last_seq }
  }

  return {
    lifeOf,
    isSameLife: async (stream, created, last) => {
      const life = await lifeOf(stream)
      if (life.created !== created) return false
      if (last === undefined) return true
      if (life.lastSequence < last.sequence) return false
      const stored = await jsm.streams.getMessage(stream, { seq: last.sequence })
      return stored === null || stored.time.getTime() === last.storedAt.getTime()
    },
  }
}
