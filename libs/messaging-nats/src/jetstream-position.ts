import type { StartPosition } from '@armature/messaging/ports'
import type { Consumers } from './jetstream-consumers.ts'
import { apiErrors, unlessCode } from './jetstream-faults.ts'
import type { StreamLives } from './jetstream-lives.ts'
import type { LastSeen, MadeConsumer, Resume } from './jetstream-reader.ts'

export interface PositionParts {
  readonly lives: StreamLives
  readonly consumers: Pick<Consumers, 'remove'>
  readonly stream: string
  /** When the stream was made in which `first` is a place. */
  readonly created: string
  readonly first: StartPosition
  /** Called when another life of the stream begins. */
  readonly onNewLife: () => void
}

/**
 * The place of a subscription in a stream. A sequence belongs to one life of the stream. All is new in a stream that was deleted and made
 * again, restored from a backup or is on another server by now: it is read from the beginning.
 */
export interface StreamPosition {
  /** When the stream was made in which the position is. */
  readonly created: string
  /** Makes a consumer by `make` where `resume` says, in the life that the stream has when the consumer is there. */
  consumerFrom(resume: Resume | undefined, make: (start: StartPosition) => Promise<string>): Promise<MadeConsumer>
  /** Whether the stream is in the life of this message. Rejects where the server does not say. */
  isSameLife(last: LastSeen): Promise<boolean>
}

/** The position of a subscription that begins. */
export const streamPosition = ({ lives, consumers, stream, onNewLife, ...begun }: PositionParts): StreamPosition => {
  let { created, first } = begun
  /** `new`: another life has begun, and no consumer is made in it yet. */
  let life: 'known' | 'new' = 'known'

  const beginNewLife = () => {
    if (life === 'new') return
    life = 'new'
    first = 'earliest'
    onNewLife()
  }

  return {
    get created() {
      return created
    },
    consumerFrom: async (resume, make) => {
      if (!(await lives.isSameLife(stream, created, resume?.last))) beginNewLife()
      const sameLife = life === 'known'
      if (!sameLife) created = (await lives.lifeOf(stream)).created
      const name = await make(sameLife && resume !== undefined ? { offset: resume.next } : first)
      if ((await lives.lifeOf(stream)).created !== created) {
        beginNewLife()
        await consumers.remove(stream, name)
        throw new Error(`the stream ${stream} was made anew meanwhile`)
      }
      life = 'known'
      return { name, sameLife }
    },
    isSameLife: (last) => unlessCode(lives.isSameLife(stream, created, last), [apiErrors.noStream], false),
  }
}
