import type { Consumers } from './jetstream-consumers.ts'
import type { LastSeen, MadeConsumer, Resume } from './jetstream-feed.ts'
import { apiCode, apiErrors } from './jetstream-streams.ts'
import type { StartPosition } from '@armature/messaging/ports'

export interface PositionParts {
  readonly consumers: Pick<Consumers, 'lifeOf' | 'isSameLife' | 'remove'>
  readonly stream: string
  /** When the stream was made that `first` is a place in. */
  readonly created: string
  readonly first: StartPosition
  /** Told when another life of the stream begins. */
  readonly onAnew: () => void
}

/**
 * Where a subscription is in a stream. A sequence belongs to one life of it: in a stream that was deleted and made again, restored from a
 * backup or is on another server by now, all is new, and is read from the beginning.
 */
export interface StreamPosition {
  /** When the stream was made in which the position is. */
  readonly created: string
  /** Makes a consumer by `make` where `resume` says, in the life that the stream has when the consumer is there. */
  consumerFrom(resume: Resume | undefined, make: (start: StartPosition) => Promise<string>): Promise<MadeConsumer>
  /** Whether the stream is in the life that this message was of. Rejects where the server does not say. */
  isSameLife(last: LastSeen): Promise<boolean>
}

/** The position of a subscription that begins. */
export const streamPosition = ({ consumers, stream, onAnew, ...beginning }: PositionParts): StreamPosition => {
  let { created, first } = beginning
  /** Another life has begun, and no consumer is made in it yet. */
  let anew = false

  const beginAnew = () => {
    if (anew) return
    anew = true
    first = 'earliest'
    onAnew()
  }

  return {
    get created() {
      return created
    },
    consumerFrom: async (resume, make) => {
      if (!(await consumers.isSameLife(stream, created, resume?.last))) beginAnew()
      if (anew) created = (await consumers.lifeOf(stream)).created
      const name = await make(anew || resume === undefined ? first : { offset: resume.next })
      if ((await consumers.lifeOf(stream)).created !== created) {
        beginAnew()
        await consumers.remove(stream, name)
        throw new Error(`the stream ${stream} was made anew meanwhile`)
      }
      const sameLife = !anew
      anew = false
      return { name, sameLife }
    },
    isSameLife: (last) =>
      consumers.isSameLife(stream, created, last).catch((error: unknown) => {
        if (apiCode(error) === apiErrors.noStream) return false
        throw error
      }),
  }
}
